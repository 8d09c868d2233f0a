"""A short command loads what it needs and no more: a token no database and no web."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer import main as typer_main

from services.command import main

HEAVY = {"sqlalchemy", "asyncpg", "alembic", "fastapi", "starlette", "uvicorn", "httpx", "apscheduler", "msgspec"}
SERVICES = ("services.dp_api", "services.card_ingest", "services.clawback")
LOADED = (
    "import sys; from services.command import main\ntry: main.main()\nfinally: print(*sys.modules, file=sys.stderr)"
)


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """Return the modules that a command has loaded when it ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DP_")}
    found = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env={**kept, "DP_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(found.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("token", "--role", "auditor"), ("--help",), ("token", "--help")], ids=" ".join)
def test_a_short_command_loads_no_database_and_no_web(arguments: tuple[str, ...], tmp_path: Path) -> None:
    modules = loaded_by(tmp_path, *arguments)
    assert "services.command.main" in modules
    assert modules & HEAVY == set()
    assert not any(
        name.startswith(("services.dp_api", "services.card_ingest", "services.clawback")) for name in modules
    )


def test_every_line_of_the_help_is_a_command_and_says_what_the_command_says() -> None:
    whole = typer_main.get_command(main.application(main.COMMANDS))
    shown = {name: command.help for name, command in getattr(whole, "commands", {}).items()}
    assert {name: (text or "").splitlines()[0] for name, text in shown.items()} == {
        name: entry.help for name, entry in main.COMMANDS.items()
    }


def test_each_module_of_the_table_is_loaded_for_its_own_commands_alone() -> None:
    for name, entry in main.COMMANDS.items():
        app = main.application([name, "--anything"])
        real = importlib.import_module(f"services.command.{entry.module}").app
        assert [group.typer_instance for group in app.registered_groups] == [real], name
