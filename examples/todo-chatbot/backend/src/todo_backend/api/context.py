"""What the routes share: the services of the running application, and the caller of a request."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request

from ..common.tokens import Caller, InvalidToken, TokenVerifier
from ..services.chat import ChatService
from ..services.conversations import ConversationService
from ..services.readiness import Readiness
from ..services.todos import TodoService


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, for the life of the application."""

    tokens: TokenVerifier
    todos: TodoService
    conversations: ConversationService
    chat: ChatService
    readiness: Readiness


async def services(request: Request) -> Services:
    """The services of the application that answers this request."""
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(services)]


async def caller(request: Request, app: ServicesDep) -> Caller:
    """The user of the bearer token; 401 without a valid one."""
    try:
        return app.tokens.from_header(request.headers.get("authorization"))
    except InvalidToken as error:
        raise HTTPException(401, str(error), headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}) from None


CallerDep = Annotated[Caller, Depends(caller)]
