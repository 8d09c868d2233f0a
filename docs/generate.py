"""Writes what the guides take from the code: state diagrams, the table of permissions, statuses and row results.

Run `python -m docs.generate` after a change of one of them; a test says when that was forgotten.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from services.card_ingest import reasons
from services.shared.identity.permissions import GRANTED_TO
from services.shared.identity.roles import Role
from services.shared.lifecycles.lifecycle import Lifecycle
from services.shared.lifecycles.listing import LIFECYCLES
from services.shared.web import problems

ROOT = Path(__file__).resolve().parent.parent


class MissingMarkersError(LookupError):
    """The file has no place for the generated part."""


def main() -> None:
    """Write every generated part into its file."""
    for path, name, body in generated_parts():
        file = ROOT / path
        file.write_text(filled(file.read_text(encoding="utf-8"), name=name, body=body), encoding="utf-8")


def generated_parts() -> Iterator[tuple[str, str, str]]:
    """Yield each generated part: the file it stands in, the name of its markers, its text."""
    yield "README.md", "lifecycles", "\n\n".join(map(diagram, LIFECYCLES))
    yield "docs/roles.md", "permissions", permissions_table()
    yield "docs/errors.md", "statuses", statuses_table()
    yield "docs/errors.md", "row_reasons", reasons_table(reasons.Reason)
    yield "docs/errors.md", "row_notes", reasons_table(reasons.Note)


def filled(text: str, *, name: str, body: str) -> str:
    """Return the text with what stands between the markers of this name replaced."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise MissingMarkersError(f"there is no {begin} ... {end}")
    return f"{before}{begin}\n{body}\n{end}{after}"


def diagram(lifecycle: Lifecycle[StrEnum]) -> str:
    """Return a heading and the Mermaid state diagram of one lifecycle, moves in the order of its table."""
    lines = [f"    [*] --> {lifecycle.initial.value}"]
    for status, moves in lifecycle.moves.items():
        lines += [f"    {status.value} --> {target.value}: {verb}" for verb, target in moves.items()]
    lines += [f"    {status.value} --> [*]" for status in lifecycle.statuses if not lifecycle.moves.get(status)]
    return "\n".join([f"**{lifecycle.name.capitalize()}**", "", "```mermaid", "stateDiagram-v2", *lines, "```"])


def permissions_table() -> str:
    """Return the table of operations and roles, in the order of the services' own tables."""
    roles = tuple(Role)
    head = ["operation", *(role.value.replace("_", " ") for role in roles)]
    rows = [_cells(head), _cells(["---", *(":-:" for _ in roles)])]
    for permission, granted in GRANTED_TO.items():
        rows.append(_cells([f"`{permission.value}`", *("yes" if role in granted else "" for role in roles)]))
    return "\n".join(rows)


def statuses_table() -> str:
    """Return the table of HTTP statuses and what each means here."""
    rows = [_cells(["status", "meaning"]), _cells(["---", "---"])]
    return "\n".join(rows + [_cells([str(status.value), meaning]) for status, meaning in problems.MEANINGS.items()])


def reasons_table(codes: type[reasons.Reason] | type[reasons.Note]) -> str:
    """Return the table of row results: code, sentence, and the remedy where one is needed."""
    rows = [_cells(["code", "meaning", "what mends it"]), _cells(["---", "---", "---"])]
    for code in codes:
        told = reasons.EXPLANATIONS[code]
        rows.append(
            _cells([f"`{code.value}`", told.message.format(field="a field"), told.remedy or "nothing needs to"])
        )
    return "\n".join(rows)


def _cells(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
