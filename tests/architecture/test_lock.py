import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
REQUIREMENTS = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _required() -> Iterator[tuple[str, str, frozenset[str]]]:
    for entry in re.split(r"\n(?=\S)", REQUIREMENTS):
        if found := re.match(r"([\w.-]+)==(\S+)", entry):
            yield found[1], found[2], frozenset(re.findall(r"--hash=(sha256:\w+)", entry))


def _locked() -> Iterator[tuple[str, str, frozenset[str]]]:
    for package in LOCK["package"]:
        if "registry" in package["source"]:
            files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
            yield package["name"], package["version"], frozenset(file["hash"] for file in files)


def test_both_locks_hold_the_same_packages_versions_and_hashes() -> None:
    required = sorted(_required())
    assert required == sorted(_locked())
    assert all(hashes for _, _, hashes in required)


def test_the_lock_was_made_from_the_project_as_it_is() -> None:
    project = next(package for package in LOCK["package"] if package["name"] == PROJECT["project"]["name"])
    asked = {_name(line) for line in PROJECT["project"]["dependencies"]}
    groups = {group: {_name(line) for line in lines} for group, lines in PROJECT["dependency-groups"].items()}
    assert {package["name"] for package in project["dependencies"]} == asked
    assert {
        group: {package["name"] for package in found} for group, found in project["dev-dependencies"].items()
    } == groups


def test_every_package_has_a_wheel_so_that_no_compiler_is_needed() -> None:
    without = [package["name"] for package in LOCK["package"] if "wheels" not in package]
    assert without == [PROJECT["project"]["name"]]


def test_no_lock_names_an_index_of_one_machine_or_council() -> None:
    assert {package["source"].get("registry", "") for package in LOCK["package"]} == {"", "https://pypi.org/simple"}
    assert not re.findall(r"^(?:--|-i |-f )", REQUIREMENTS, re.MULTILINE)
    assert not re.findall(r"\w+://", REQUIREMENTS)
    addresses = {address for package in LOCK["package"] for address in _addresses(package)}
    assert addresses == {"https://files.pythonhosted.org"}


def _addresses(package: dict[str, list[dict[str, str]]]) -> Iterator[str]:
    for wheel in package.get("wheels", []):
        yield "/".join(wheel["url"].split("/")[:3])


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9.-]+", requirement)
    assert found
    return found[0].lower()
