"""What answers have told of the records: ids, codes and versions by name, for later calls to reach them by."""

import re
from collections.abc import Mapping
from random import Random
from typing import Any, Final

_MOST: Final = 200
_LONGEST: Final = 64
_COLLECTION: Final = re.compile(r"/([a-z-]+)(?:/\{[a-z_]+\})?$")
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "provider_code": ("provider", "provider_code"),
    "team_code": ("team", "team_code", "code"),
    "id_of_quarantine": ("row_id",),
    "profile": ("profile", "push_profile"),
    "provider_transaction_id": ("transaction_id", "provider_transaction_id"),
    "version": ("if-match",),
}
"""Names under which a value is asked for, where they are not the one under which it is told."""


class Known:
    """Values by the name of a parameter or field; of many of a name, some are kept."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._values: dict[str, list[Any]] = {}

    def one_of(self, name: str) -> Any:
        """Return a value of this name, or None."""
        values = self._values.get(name.lower())
        return self._random.choice(values) if values else None

    def add(self, name: str, value: Any) -> None:
        """Keep a value under its name and under those by which it is asked for."""
        if not isinstance(value, str | int) or isinstance(value, bool) or len(str(value)) > _LONGEST:
            return
        for each in _ALSO.get(name, (name,)):
            values = self._values.setdefault(each.lower(), [])
            if value in values:
                continue
            if len(values) < _MOST:
                values.append(value)
            else:
                values[self._random.randrange(_MOST)] = value

    def learn(self, answer: Any, *, path: str) -> None:
        """Keep what an answer tells; `path` is the operation's, whose last word names what `id` is of."""
        found = _COLLECTION.search(path)
        self._learn(answer, of=found[1] if found else "")

    def _learn(self, value: Any, *, of: str) -> None:
        if isinstance(value, list):
            for item in value[:20]:
                self._learn(item, of=of)
        elif isinstance(value, dict):
            for name, part in value.items():
                if isinstance(part, dict | list):
                    self._learn(part, of=of if name == "items" else name)
                else:
                    self.add(_id_of(of) if name == "id" else name, part)


def _id_of(collection: str) -> str:
    singular = collection.replace("-", "_").removesuffix("s").removesuffix("ie")
    return f"id_of_{singular}" if singular == "quarantine" else f"{singular}_id"
