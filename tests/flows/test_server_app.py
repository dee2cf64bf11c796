"""The application of a temporary Prefect server."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from flows.server_app import soon_again


def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("", status_code=int(request.path_params["status"]))


@pytest.mark.parametrize(("status", "wait"), [(503, "0.1"), (200, None), (500, None)])
def test_a_busy_server_asks_to_be_asked_again_soon(status: int, wait: str | None) -> None:
    client = TestClient(soon_again(Starlette(routes=[Route("/{status}", _answer)])))
    answer = client.get(f"/{status}")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, wait)
