"""What the API answers when it refuses: a ``Status`` object, as the API server writes it.

Source: the Kubernetes API conventions, "Response Status Kind", and apimachinery's ``api/errors``.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox.kinds import Kind

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """A refusal: HTTP code, reason, message and details as in ``metav1.Status``."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
        continue_token: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = REASONS.get(code, "Unknown") if reason is None else reason
        self.details = details
        self.retry_after = retry_after
        self.continue_token = continue_token

    def status(self) -> dict[str, Any]:
        """The ``Status`` object."""
        meta = {"continue": self.continue_token} if self.continue_token else {}
        found: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": meta, "status": "Failure"}
        found["message"] = self.message
        if self.reason:
            found["reason"] = self.reason
        details = self.details
        if self.retry_after is not None:
            details = {**(details or {}), "retryAfterSeconds": self.retry_after}
        if details is not None:
            found["details"] = dict(details)
        found["code"] = self.code
        return found


def _details(
    kind: Kind, name: str, causes: list[dict[str, str]] | None = None, *, plural: bool = True
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name} if name else {}
    if kind.group:
        found["group"] = kind.group
    found["kind"] = kind.plural if plural else kind.kind
    if causes:
        found["causes"] = causes
    return found


def not_found(kind: Kind, name: str) -> ApiError:
    """There is no such object."""
    return ApiError(404, f'{kind.resource} "{name}" not found', details=_details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """There is such an object already."""
    message = f'{kind.resource} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=_details(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """The object is not as the request assumes."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, message, details=_details(kind, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """An admission plugin, or the authorizer, refuses."""
    message = f'{kind.resource} "{name}" is forbidden: {why}' if name else f"{kind.resource} is forbidden: {why}"
    return ApiError(403, message, details=_details(kind, name))


class FieldError:
    """One mistake in one field, worded as ``field.Error`` of apimachinery words it.

    ``reason`` is one of FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueForbidden,
    FieldValueDuplicate, FieldValueTooLong, FieldValueTooMany, FieldValueTypeInvalid.
    ``message`` is the whole text after the field's name: ``Required value: …``, ``Invalid value: "x": …``.
    """

    __slots__ = ("field", "message", "reason")

    def __init__(self, field: str, reason: str, message: str) -> None:
        self.field, self.reason, self.message = field, reason, message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def invalid(kind: Kind, name: str, mistakes: list[FieldError]) -> ApiError:
    """Values that validation does not take."""
    texts = list(dict.fromkeys(str(mistake) for mistake in mistakes))
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    causes = [{"reason": m.reason, "message": m.message, "field": m.field} for m in mistakes]
    message = f'{title} "{name}" is invalid: {said}'
    return ApiError(422, message, details=_details(kind, name, causes, plural=False))


def bad_request(message: str) -> ApiError:
    """A request that cannot be understood."""
    return ApiError(400, message)
