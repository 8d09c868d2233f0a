"""A server that does next to nothing, fixed bytes for whatever comes: what drives it is all that is measured."""

import asyncio
from typing import Final, cast

import uvloop

_BODY: Final = b'{"id":"7d1c0d6e","kind":"adult","version":1,"items":[0,1,2,3,4,5,6,7]}'
ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)
_END: Final = b"\r\n\r\n"


class _Sink(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if _END in data:  # Requests here fit one packet; a body that comes apart from its head is let go by.
            self._transport.write(ANSWER)


async def _serve(host: str, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, host, port)
    await server.serve_forever()


def run(*, host: str, port: int) -> None:
    """Answer until the process is ended."""
    uvloop.run(_serve(host, port))
