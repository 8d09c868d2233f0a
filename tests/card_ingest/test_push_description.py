"""What the API's description shows of a push is what the code takes and answers."""

import hashlib
import io
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.card_ingest import reading, schemas
from services.card_ingest.endpoints import push_description
from services.card_ingest.events import ReadRow
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.signatures import rsa_nonce
from tests.http import Clients

LAYOUTS = {
    "lines": "canonical",
    "events": "canonical_json",
    "nonce": "canonical_json",
    "stripe_issuing": "stripe_issuing",
}


@pytest.fixture
async def paths(clients: Clients) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (await clients.anonymous().get("/card_ingest/openapi.json")).json()["paths"]
    return found


def examples(operation: Mapping[str, Any]) -> dict[str, Any]:
    content = operation["requestBody"]["content"].values()
    return {name: each["value"] for kind in content for name, each in kind.get("examples", {}).items()}


@pytest.mark.parametrize("path", ["deliveries", "trial-deliveries"])
async def test_every_example_of_a_body_is_read_whole_by_its_layout(paths: Mapping[str, Any], path: str) -> None:
    shown = examples(paths[f"/v1/feeds/{{provider}}/{path}"]["post"])
    assert shown.keys() == LAYOUTS.keys()
    for name, value in shown.items():
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        layout = profiles.load(LAYOUTS[name], own_folder=Path("nowhere"))
        content = io.BytesIO(body)
        rows = list(reading.rows(layout, content, account_ref=None, received_on=date(2026, 11, 20), is_redacted=False))
        assert rows
        assert all(isinstance(row, ReadRow) for row in rows), rows
    assert rsa_nonce.nonce(json.dumps(shown["nonce"]).encode()) == 4711


async def test_the_examples_of_receipts_have_every_field_and_account_for_the_example(paths: Mapping[str, Any]) -> None:
    body = push_description.LINES.encode()
    for path, status, form in (
        ("deliveries", "202", schemas.Receipt),
        ("trial-deliveries", "200", schemas.TrialReceipt),
    ):
        answers = paths[f"/v1/feeds/{{provider}}/{path}"]["post"]["responses"]
        shown = answers[status]["content"]["application/json"]["example"]
        receipt = form.model_validate(shown)
        assert shown.keys() == form.model_fields.keys()
        ended = [getattr(receipt, name) for name in ("posted", "already_posted", "held", "no_money", "quarantined")]
        assert (receipt.rows, receipt.delivered_pence) == (sum(e.rows for e in ended), sum(e.pence for e in ended))
        assert (receipt.sha256, receipt.size_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
        assert {"400", "401", "404", "409", "413", "415", "422", "429"} <= answers.keys()


async def test_the_description_names_each_header_that_a_scheme_reads(paths: Mapping[str, Any]) -> None:
    named = {each["name"].lower() for each in paths["/v1/feeds/{provider}/deliveries"]["post"]["parameters"]}
    assert {"webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature"} <= named
    assert {rsa_nonce.SIGNATURE, rsa_nonce.REQUEST_ID, "content-encoding"} <= named
