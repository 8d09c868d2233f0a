"""What an application serves to be read: Swagger UI from our own files, and a page for each kind of problem."""

import html
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from services.shared.errors import NotFound
from services.shared.web import headers, problems

PATH: Final = "/docs"
OPENAPI: Final = "/openapi.json"
STATIC: Final = "/static"
FILES: Final = Path(__file__).parent / "static"

_PAGE: Final = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{head}
</head>
<body>
{body}
</body>
</html>
"""
_SWAGGER_HEAD: Final = '<link rel="stylesheet" href="static/swagger-ui.css">'
_SWAGGER_BODY: Final = """<div id="swagger-ui"></div>
<script src="static/swagger-ui-bundle.js"></script>
<script src="static/swagger-start.js"></script>"""


def install(app: FastAPI) -> None:
    """Give an application its documentation, at addresses relative to wherever it is served."""
    app.mount(STATIC, StaticFiles(directory=FILES), name="static")
    app.add_route(PATH, swagger, include_in_schema=False)
    app.add_route(problems.PATH, kinds, include_in_schema=False)
    app.add_route(f"{problems.PATH}/{{kind}}", kind, include_in_schema=False)


def page(title: str, body: str, *, head: str = "") -> Response:
    """Return a page of ours; `title` and `body` must be escaped."""
    return HTMLResponse(_PAGE.format(title=title, head=head, body=body), headers=headers.of_pages())


async def swagger(request: Request) -> Response:
    """Answer with the page from which every operation can be read and tried."""
    return page(html.escape(request.app.title), _SWAGGER_BODY, head=_SWAGGER_HEAD)


async def kinds(_request: Request) -> Response:
    """Answer with every kind of problem."""
    rows = "\n".join(f"<dt>{_heading(status)}</dt><dd>{_meaning(status)}</dd>" for status in problems.MEANINGS)
    return page("Problems", f"<h1>Problems</h1>\n<dl>\n{rows}\n</dl>")


async def kind(request: Request) -> Response:
    """Answer with what one kind of problem means: the page that a problem's `type` names."""
    wanted = request.path_params["kind"]
    status = next((status for status in problems.MEANINGS if problems.kind_of(status) == wanted), None)
    if status is None:
        raise NotFound("there is no such kind of problem")
    return page(_heading(status), f"<h1>{_heading(status)}</h1>\n<p>{_meaning(status)}</p>")


def _heading(status: HTTPStatus) -> str:
    return html.escape(f"{status.value} {problems.title_of(status)}")


def _meaning(status: HTTPStatus) -> str:
    return html.escape(problems.MEANINGS[status])
