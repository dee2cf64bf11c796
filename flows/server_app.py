"""The application of a temporary Prefect server: Prefect's own, asked again soon when busy."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RETRY_AFTER = b"0.1"
"""Seconds. SQLite refuses a transaction that another one overtook, which is over in milliseconds;
left to itself Prefect's client waits two seconds and more."""

_UNAVAILABLE = 503


def create_app() -> "ASGIApp":
    """Return Prefect's application; where it answers 503, its answer says when to ask again."""
    from prefect.server.api.server import create_app as create_prefect

    return soon_again(create_prefect())


def soon_again(application: "ASGIApp") -> "ASGIApp":
    """Add `Retry-After` to every answer with status 503."""

    async def answer(scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def mark(message: "Message") -> None:
            is_start = message["type"] == "http.response.start"
            if is_start and message["status"] == _UNAVAILABLE:
                message["headers"] = [*message.get("headers", ()), (b"retry-after", _RETRY_AFTER)]
            await send(message)

        await application(scope, receive, mark)

    return answer
