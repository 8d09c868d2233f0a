"""A server process of the benchmarks: `python -m benchmarks.served together|webhook|constant PORT`, set by `DP_...`."""

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

from benchmarks import webhook_app
from benchmarks.stage import Stage
from services import together
from services.shared import garbage, logs
from services.shared.settings import loading

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
        "DP_LOG_LEVEL": "error",
        "DP_BENCH_SECRET": secret,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.served", what, str(port), env=environment
    )
    try:
        address = f"http://127.0.0.1:{port}"
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _application(what: str) -> ASGIApp:
    if what == "constant":
        return constant()
    settings = loading.load()
    return webhook_app.create(settings) if what == "webhook" else together.application(settings, service=None)


if __name__ == "__main__":
    logs.configure("error")
    application = _application(sys.argv[1])
    garbage.settle()  # As each service does when it starts.
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[2]), log_config=None, access_log=False)
