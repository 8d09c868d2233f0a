"""A server process of the benchmarks: `python -m benchmarks.served WHAT PORT`, set by `DP_...`.

`WHAT` is a service's name, `together`, `webhook`, `constant` (a bare FastAPI application) or `sink`. It logs each
request as production does, into a file that goes with the data.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from benchmarks import sink, webhook_app
from benchmarks.stage import Stage
from services import together
from services.shared import garbage, logs
from services.shared.settings import loading
from services.shared.vocabulary.records import Service

HOST = "127.0.0.1"
READY_SECONDS = 30.0
_CONSTANT = {"id": "7d1c0d6e", "kind": "adult", "version": 1, "items": list(range(8))}


class NotReadyError(RuntimeError):
    """The server process did not answer in time."""


def constant() -> FastAPI:
    """Return an application that always answers the same: the most that the frame can do."""
    app = FastAPI()

    @app.get("/health/live")
    @app.get("/constant")
    async def constant_answer() -> dict[str, object]:
        return dict(_CONSTANT)

    return app


@asynccontextmanager
async def served(what: str, on: Stage, *, run_jobs: bool = False, secret: str = "") -> AsyncGenerator[str]:
    """Serve in a process of its own and give the address; the process is gone afterwards."""
    port = _free_port()
    environment = os.environ | {
        "DP_DATA_DIR": str(on.settings.data_dir),
        "DP_SCHEMA": on.settings.schema_name,
        "DP_RATE_LIMIT": "1000000/second",
        "DP_RUN_JOBS": str(run_jobs).lower(),
        "DP_LOG_LEVEL": "info",
        "DP_BENCH_SECRET": secret,
    }
    log = (on.settings.data_dir / f"{what}-{port}.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.served", what, str(port), env=environment, stderr=log
    )
    log.close()
    try:
        address = f"http://{HOST}:{port}"
        await _ready(address)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _ready(address: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(int(READY_SECONDS / 0.1)):
            try:
                if (await client.get(f"{address}/health/live")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise NotReadyError(f"nothing answered at {address} within {READY_SECONDS:.0f} s")


def host_and_port(address: str) -> tuple[str, int]:
    """Return where a served address listens."""
    host, _, port = address.removeprefix("http://").partition(":")
    return host, int(port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _application(what: str) -> ASGIApp:
    if what == "constant":
        return constant()
    settings = loading.load()
    if what == "webhook":
        return webhook_app.create(settings)
    return together.application(settings, service=None if what == "together" else Service(what))


def _serve(what: str, *, port: int) -> None:
    logs.configure("info")
    if what == "sink":
        sink.run(host=HOST, port=port)
        return
    application = _application(what)
    garbage.settle()  # As each service does when it starts.
    uvicorn.run(application, host=HOST, port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    _serve(sys.argv[1], port=int(sys.argv[2]))
