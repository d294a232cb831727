"""How an application is known to work: the checks that its ``longshore.yaml`` describes for stages 5 and 6."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mcp_tools.names import ObjectName, ServiceName

HttpPath = Annotated[str, Field(pattern=r"^/[^\s]*$", max_length=500)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class SecretKeyRef(_Model):
    """One key of a Secret of the application's namespace."""

    secret: ObjectName
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=253)]
    optional: bool = False


class Request(_Model):
    """One HTTP request to a service, and the status that it must answer with."""

    service: ServiceName
    path: HttpPath
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    body: dict[str, Any] | None = None
    status: int = Field(200, ge=100, le=599)
    authenticated: bool = Field(False, description="Sent with a valid token (needs checks.auth)")
    title: str = ""


def _reads(request: Request) -> Request:
    """Of a request that tools send which only look."""
    if request.method != "GET":
        raise ValueError("must be a GET request: tools send it that only look")
    return request


def _adds(request: Request) -> Request:
    """Of a request that tools send which may add, but not delete."""
    if request.method == "DELETE":
        raise ValueError("must not be a DELETE request: it is sent without a question")
    return request


Reading = Annotated[Request, AfterValidator(_reads)]
Adding = Annotated[Request, AfterValidator(_adds)]


class AuthCheck(_Model):
    """How tokens are issued and checked. Tokens are HS256 JWTs signed with a key of a Secret."""

    protected: Reading = Field(description="Answers 401 without a valid token")
    secret: SecretKeyRef
    issuer: str
    audience: str
    sign_up: Adding | None = Field(None, description="Creates an account from {name, email, password}")
    sign_in: Adding | None = None
    token: Adding | None = Field(None, description="Gives {token} to a signed-in session")
    delete_account: Request | None = Field(
        None, description="Deletes the caller's account; without it, check_auth leaves a test user behind"
    )


class ChatCheck(_Model):
    """One chat end to end: a message, and the proof that a tool was called."""

    chat: Adding
    message_field: str = "message"
    reply_field: str = "reply"
    tools: Reading | None = Field(None, description="Lists the tools that the chatbot can call")
    expect_tools: list[str] = Field(default_factory=list)
    message: str = Field(
        "Add {marker} to my list", description="Must make the chatbot call a tool; {marker} is a unique word"
    )
    failing_message: str = Field(
        "Complete todo number 999999999", description="Must make a tool fail, and be answered properly all the same"
    )
    tool_calls_field: str = Field("tool_calls", description="Of the reply: the tools that were called, [{name, ok}]")
    items: Reading | None = Field(
        None, description="Lists what the tool adds; default: checks.persistence.read. PATH/ID deletes an item"
    )


class PersistenceCheck(_Model):
    """What is written before the pods are deleted and must be read after."""

    write: Adding
    read: Reading
    marker_field: str = Field("title", description="Field of the body that carries a unique marker")
    id_field: str = Field("id", description="Of a written item; DELETE PATH/ID removes it")


class Checks(_Model):
    """All checks; those that are not described are skipped, and said to be."""

    endpoints: list[Request] = Field(default_factory=list)
    auth: AuthCheck | None = None
    chat: ChatCheck | None = None
    persistence: PersistenceCheck | None = None
    max_response_seconds: float = Field(2.0, gt=0)
