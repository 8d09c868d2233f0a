"""The guide for card providers is run: its events are read, its snippets sign, its files are what the folder reads."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from services.card_ingest import json_events
from services.card_ingest.events import CardEvent, ReadRow
from services.card_ingest.folder import layout
from services.card_ingest.polling import rules
from services.card_ingest.signatures import standard_webhooks
from services.card_ingest.signatures.proof import LiveKey
from services.shared.vocabulary.feeds import FeedKeyKind
from services.shared.vocabulary.money import EventStatus, TransactionType

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs/card-providers.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
BODY = '{"merchant_name": "Café"}\n'.encode()


def blocks(language: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def examples() -> list[dict[str, Any]]:
    lines = [json.loads(line) for block in blocks("json") for line in block.splitlines()]
    return [event for line in lines for event in line.get("events", [line])]


@pytest.mark.parametrize("event", examples(), ids=lambda event: str(event["provider_transaction_id"]))
def test_every_example_event_is_read(event: dict[str, Any]) -> None:
    row = json_events.read(json.dumps(event).encode(), number=1, received_on=date(2026, 3, 31))
    assert isinstance(row, ReadRow), row


def test_the_examples_show_every_status_and_the_table_every_field_status_and_type() -> None:
    assert {event["status"] for event in examples()} == {status.value for status in EventStatus}
    assert len(examples()) > 9
    told = set(re.findall(r"`([a-z_]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", GUIDE, re.MULTILINE))))
    assert set(CardEvent.__struct_fields__) <= told
    assert {kind.value for kind in TransactionType} <= told
    assert {status.value for status in EventStatus} <= told


def test_the_example_page_says_where_the_next_begins() -> None:
    page = next(block for block in blocks("json") if "next_cursor" in block)
    found = rules.place(page.encode(), {"content-type": "application/json"}, url="https://feed.example.org/events")
    assert (found.next_cursor, found.has_more) == ("evt_000042", False)


def assert_signed(headers: Mapping[str, str], secret: str) -> None:
    key = LiveKey(FeedKeyKind.STANDARD_WEBHOOKS, standard_webhooks.key_of(secret))
    now = datetime.now(UTC)
    assert standard_webhooks.verify(BODY, headers, [key], now) == "delivery-7"


def test_the_python_snippet_signs() -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)  # noqa: S102 (the guide's own snippet)
    secret = standard_webhooks.new_secret()
    assert_signed(names["headers"](BODY, delivery_id="delivery-7", secret=secret), secret)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run the snippet with")
def test_the_javascript_snippet_signs() -> None:
    secret = standard_webhooks.new_secret()
    call = f"\nconsole.log(JSON.stringify(headers(require('fs').readFileSync(0), 'delivery-7', '{secret}')));"
    line = ["node", "-e", blocks("javascript")[0] + call]
    told = subprocess.run(line, input=BODY, capture_output=True, check=True, timeout=60)
    assert_signed(json.loads(told.stdout), secret)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to run the snippet with")
def test_the_shell_snippet_signs(tmp_path: Path) -> None:
    secret = standard_webhooks.new_secret()
    (tmp_path / "body").write_bytes(BODY)
    line = ["bash", "-c", blocks("bash")[0], "sign", str(tmp_path / "body"), "delivery-7", secret]
    told = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)
    assert_signed(dict(each.split(": ", 1) for each in told.stdout.splitlines()), secret)


def test_the_folder_of_the_operations_guide_is_of_its_form(tmp_path: Path) -> None:
    text = next(block for block in blocks("toml", OPERATIONS) if "[[files]]" in block)
    (tmp_path / "acme-cards.toml").write_text(text)
    found = layout.load(tmp_path, "acme-cards")
    assert found.meaning("ACME_TXN_20260302_0041.csv") == layout.Meaning("acme_daily", None, 41)
    assert found.meaning("statement-3.xml") == layout.Meaning("camt053", "acc-17", None)
    assert found.meaning("other.csv") is None
