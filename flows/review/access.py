"""Who may use the app: requests for its own address, from its own pages, with the token."""

import hmac
import secrets
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SESSION, TOKEN = "tonescribe-session", "tonescribe-token"
_MOST_SESSIONS = 10_000
"""A program that keeps no cookies is given a new one at every request."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Access:
    """What a request must have: one of the `hosts` in its Host header, and the `token` if any.

    A page of another site that makes this browser ask (DNS rebinding) has another host; one that
    posts here has another origin. The token comes once as `?token=`, as a header
    `Authorization: Bearer`, or as the cookie that the first visit sets.
    """

    hosts: tuple[str, ...] = LOOPBACK
    token: str | None = None
    sessions: dict[str, None] = field(default_factory=dict)

    def new_session(self) -> str:
        """Return the id of a new session; of very many the oldest ends."""
        session = secrets.token_urlsafe(24)
        self.sessions[session] = None
        while len(self.sessions) > _MOST_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        return session

    def refusal(self, method: str, headers: Headers, query: str) -> tuple[int, str] | None:
        """Return status and sentence where a request is refused, else None."""
        if _host(headers.get("host", "")) not in self.hosts:
            return 421, "This address is not served here."
        if self.token is not None and not self._has_token(headers, query):
            return 401, "Open the address with its token, as the terminal shows it."
        origin = headers.get("origin")
        if method not in _SAFE and (origin is None or _netloc(origin) != headers.get("host")):
            return 403, "Only the app's own pages may change something."
        return None

    def _has_token(self, headers: Headers, query: str) -> bool:
        given = (
            headers.get("authorization", "").removeprefix("Bearer "),
            _cookies(headers).get(TOKEN, ""),
            *parse_qs(query).get("token", ()),
        )
        return any(hmac.compare_digest(g.encode(), str(self.token).encode()) for g in given)


class Guard:
    """ASGI middleware that refuses what `Access` refuses and gives each browser a session."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer with a refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        query = scope["query_string"].decode("latin-1")
        if refused := self._access.refusal(scope["method"], headers, query):
            status, sentence = refused
            await JSONResponse({"detail": sentence}, status)(scope, receive, send)
            return
        is_visit = self._access.token is not None and scope["method"] == "GET"
        if is_visit and "token" in parse_qs(query):
            await self._without_token(scope["path"])(scope, receive, send)
            return
        session = _cookies(headers).get(SESSION, "")
        is_new = session not in self._access.sessions
        if is_new:
            session = self._access.new_session()
        scope["session_id"] = session

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                answered.setdefault("content-security-policy", _POLICY)
                answered["x-content-type-options"] = "nosniff"
                answered["referrer-policy"] = "no-referrer"
                answered["cache-control"] = "no-store"
                if is_new:
                    answered.append("set-cookie", _cookie(SESSION, session))
            await send(message)

        await self._app(scope, receive, answer)

    def _without_token(self, path: str) -> Response:
        """Keep the token in a cookie rather than in the address, which is shown and logged."""
        target = path if path.startswith("/") and not path.startswith("//") else "/"
        answer = RedirectResponse(target, 303)
        answer.headers.append("set-cookie", _cookie(TOKEN, str(self._access.token)))
        return answer


def _cookie(name: str, value: str) -> str:
    return f"{name}={value}; HttpOnly; SameSite=Strict; Path=/"


def _cookies(headers: Headers) -> dict[str, str]:
    found: SimpleCookie = SimpleCookie()
    try:
        found.load(headers.get("cookie", ""))
    except Exception:  # noqa: BLE001 - a cookie of anybody's making is as none
        return {}
    return {name: morsel.value for name, morsel in found.items()}


def _host(header: str) -> str:
    return (urlsplit(f"//{header}").hostname or "") if _is_host(header) else ""


def _is_host(header: str) -> bool:
    try:
        urlsplit(f"//{header}")
    except ValueError:
        return False
    return "/" not in header and "@" not in header


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
