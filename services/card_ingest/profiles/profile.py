"""The kinds of profile, and where profiles are found: the shipped ones, and the council's own."""

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from services.card_ingest.profiles.event_form import JsonEventsProfile
from services.card_ingest.profiles.statement_form import Camt053Profile, Camt054Profile, Mt940Profile
from services.card_ingest.profiles.table import CsvProfile, Part, TsvProfile, XlsProfile, XlsxProfile
from services.shared.errors import Invalid, NotFound

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


class ProfileTrouble(Invalid):
    """A council's own profile is not of its form; whoever wrote it mends it."""

    code = "profile_not_of_its_form"


class NdjsonProfile(Part, frozen=True, tag_field="format", tag="ndjson"):
    """A feed that sends our own event, one in each line: there is nothing to map."""

    name: str
    version: int
    title: str


class JsonProfile(Part, frozen=True, tag_field="format", tag="json"):
    """A feed that sends our own events as one JSON array, or as an object whose `events` is that array."""

    name: str
    version: int
    title: str


Profile: TypeAlias = (
    NdjsonProfile
    | JsonProfile
    | JsonEventsProfile
    | CsvProfile
    | TsvProfile
    | XlsxProfile
    | XlsProfile
    | Camt053Profile
    | Camt054Profile
    | Mt940Profile
)


def load(name: str, *, own_folder: Path) -> Profile:
    """Return the profile of this name: the council's own in `own_folder`, or a shipped one.

    Raises NotFound where there is none, ProfileTrouble where a council's own file is not of the form.
    """
    if not _NAME.fullmatch(name):
        raise NotFound("there is no such profile", code="unknown_profile")
    own = own_folder / f"{name}.toml"
    file = own if own.is_file() else resources.files(__package__) / f"{name}.toml"
    if not file.is_file():
        raise NotFound(f"there is no profile {name}", code="unknown_profile")
    try:
        found = _decoded(file.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as trouble:
        raise ProfileTrouble(f"the profile {name} is not of its form: {trouble}") from None
    if found.name != name:
        raise ProfileTrouble(f"the profile file {name}.toml calls itself otherwise: its `name` must be {name}")
    return found


@lru_cache(maxsize=64)
def _decoded(form: bytes) -> Profile:
    """Return the profile that a file's bytes hold; decoding takes a thousand times as long as looking it up."""
    found: Profile = msgspec.toml.decode(form, type=Profile)
    return found
