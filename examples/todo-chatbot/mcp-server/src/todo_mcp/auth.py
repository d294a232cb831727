"""The door of the server: everything but the public routes needs a valid bearer token."""

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .common.tokens import InvalidToken, TokenVerifier

PUBLIC_PATHS = frozenset({"/health", "/ready", "/tools"})


class RequireBearer:
    """ASGI middleware that verifies the token and hands the user to the MCP SDK.

    The SDK has an own bearer middleware; this one answers in the words of the application, `{"detail": …}`, and
    is closed by default: a route that is added later is protected unless it is named in PUBLIC_PATHS.
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._inner = app
        self._protected = AuthContextMiddleware(app)
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is public or authorised, answer 401 to the rest."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in PUBLIC_PATHS):
            await self._inner(scope, receive, send)
            return
        try:
            caller = self._verifier.from_header(Headers(scope=scope).get("authorization"))
        except InvalidToken as error:
            response = JSONResponse(
                {"detail": str(error)}, status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
            )
            await response(scope, receive, send)
            return
        access = AccessToken(
            token=caller.token,
            client_id=caller.user_id,
            scopes=[],
            expires_at=caller.expires_at,
            subject=caller.user_id,
            claims={"iss": self._verifier.issuer},
        )
        await self._protected({**scope, "user": AuthenticatedUser(access)}, receive, send)
