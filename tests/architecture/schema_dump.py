"""The schema as `pg_dump -s` writes it, without what changes from one dump to the next.

`python -m tests.architecture.schema_dump` writes it anew to `schema.sql`; do that with every migration, and read the
difference before committing it.
"""

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path

from services.shared import cluster, embedded, migrate
from services.shared.settings.installation import Settings
from tests import databases

COMMITTED = Path(__file__).with_name("schema.sql")
NOISE = re.compile(r"^(--|SET |SELECT pg_catalog\.|\\(un)?restrict|$)")


def dumped(server: embedded.Server, *, database: str, schema: str = "direct_payments") -> str:
    """Return the dump of one schema: tables, keys, checks, indexes, triggers, functions, owners and grants."""
    program = cluster.binaries(server.major) / "pg_dump"
    command = [str(program), "--schema-only", f"--schema={schema}", f"--dbname={database}", "--username=postgres"]
    command += [f"--host={server.socket_dir}", f"--port={server.port}"]
    made = subprocess.run(command, capture_output=True, text=True, check=True, env=cluster.ENVIRONMENT)
    return normalised(made.stdout)


def normalised(text: str) -> str:
    """Return a dump without comments, session settings, random tokens and blank lines."""
    return "".join(f"{line}\n" for line in text.splitlines() if not NOISE.match(line))


def statements(dump: str) -> list[str]:
    """Return the dump's statements, sorted, since two ways to the same schema need not take the same order."""
    return sorted(part.strip() for part in dump.split(";\n") if part.strip())


def settings_of(server: embedded.Server) -> Settings:
    """Return settings of a database of its own on this server."""
    embedded.create_database_if_missing(server, database="dumped")
    return databases.settings_for(server, name="dumped", data_dir=server.data_dir)


def main() -> None:
    """Write the schema as migrated from nothing to the committed file."""
    with tempfile.TemporaryDirectory() as folder:
        server = embedded.start(Path(folder))
        try:
            asyncio.run(migrate.migrate(settings_of(server)))
            COMMITTED.write_text(dumped(server, database="dumped"))
        finally:
            embedded.stop(server)


if __name__ == "__main__":
    main()
