"""How many of our files and functions a request enters, from its first byte to its answer, on a real server."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from services.shared import embedded
from tests import databases
from tests.architecture.house import acts
from tests.architecture.house.source import ROOT
from tests.journeys.conftest import County, served

_OURS = f"{ROOT / 'services'}/"
_NO_FUNCTIONS = frozenset({"<module>", "<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<lambda>"})


@dataclass(frozen=True, slots=True)
class Entered:
    """What one request entered: files of the service it was for, functions in those, and files of the floor below."""

    request: str
    files: frozenset[str]
    functions: int
    shared_files: int


@dataclass(slots=True)
class Footprints:
    """The code that was entered, by any thread, since it was last asked."""

    _codes: set[tuple[str, str, int]] = field(default_factory=set)

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call; the interpreter's profiling hook."""
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(_OURS) and code.co_name not in _NO_FUNCTIONS:
            self._codes.add((code.co_filename, code.co_name, code.co_firstlineno))

    def of(self, request: str, act: Callable[[], object]) -> Entered:
        """Do it, and return what it entered."""
        self._codes.clear()
        act()
        codes = {(name.removeprefix(_OURS), function, line) for name, function, line in self._codes}
        own = {code for code in codes if not code[0].startswith("shared/") and "/" in code[0]}
        shared = {name for name, _, _ in codes if name.startswith("shared/")}
        return Entered(request, frozenset(name for name, _, _ in own), len(own), len(shared))


@contextmanager
def county() -> Iterator[tuple[County, Footprints]]:
    """Serve an empty county from threads that leave footprints, on a database server of its own."""
    footprints = Footprints()
    with tempfile.TemporaryDirectory() as folder:
        server = embedded.start(Path(folder) / "server")
        try:
            settings = acts.migrated(server, databases.settings_for(server, name=acts.DATABASE, data_dir=Path(folder)))
            threading.setprofile(footprints.note)
            with served(settings) as address:
                yield County(address, acts.signer(settings)), footprints
        finally:
            threading.setprofile(None)
            embedded.stop(server)


def measured() -> list[Entered]:
    """Return what each of the usual requests enters, the second time that it is made: the first warms what is kept."""
    with county() as (place, footprints):
        return [footprints.of(name, act) for name, act in acts.usual(place)][1::2]
