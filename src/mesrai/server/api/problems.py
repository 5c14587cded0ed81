"""What goes wrong at the interface, as RFC 9457 writes problems: every code, its status and its title."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from mesrai.domain.saved_policy import told_wrong
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import (
    AccessDenied,
    BudgetSpent,
    CredentialMissing,
    ForgeError,
    ForgeRateLimited,
    MemoryRefused,
    MesraiError,
    ModelError,
    PolicyError,
    StoreError,
    UserError,
    VaultLocked,
)

MEDIA_TYPE: Final = "application/problem+json"
_MOST_DETAIL: Final = 1_000  # characters
_PATH: Final = re.compile(r" - at `([^`]*)`$")
_UNSAID: Final = "It could not be done. What happened stands in the service's log."


class Code(StrEnum):
    """The kinds of problems. The words are for programs and stay as they are."""

    NOT_JSON = "not_json"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_SLOW = "too_slow"
    CONFLICT = "conflict"
    IN_PROGRESS = "in_progress"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    INVALID = "invalid"
    REFUSED = "refused"
    KEY_REUSED = "key_reused"
    UNPROVEN = "unproven"
    RATE_LIMITED = "rate_limited"
    FAULT = "fault"
    UPSTREAM = "upstream"
    UNAVAILABLE = "unavailable"


MEANINGS: Final[Mapping[Code, tuple[int, str]]] = {
    Code.NOT_JSON: (400, "The body is no JSON"),
    Code.UNAUTHENTICATED: (401, "A valid token is needed"),
    Code.FORBIDDEN: (403, "Not allowed"),
    Code.NOT_FOUND: (404, "There is no such thing"),
    Code.METHOD_NOT_ALLOWED: (405, "Not a method of this address"),
    Code.TOO_SLOW: (408, "The body did not come in time"),
    Code.CONFLICT: (409, "It does not go with how things stand"),
    Code.IN_PROGRESS: (409, "The same request is being carried out"),
    Code.TOO_LARGE: (413, "The body is too large"),
    Code.UNSUPPORTED_TYPE: (415, "Bodies are application/json"),
    Code.INVALID: (422, "The request is not as described"),
    Code.REFUSED: (422, "It cannot be done like this"),
    Code.KEY_REUSED: (422, "The idempotency key belongs to another request"),
    Code.UNPROVEN: (422, "The model did not pass its test"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.FAULT: (500, "A fault in Mesrai itself"),
    Code.UPSTREAM: (502, "The code host or the provider failed"),
    Code.UNAVAILABLE: (503, "Not possible now"),
}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong at one place of a request."""

    path: str  # as `$.tuning.tier`, or the name of a parameter
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was not carried out (RFC 9457)."""

    type: str  # `urn:mesrai:problem:` and the code
    title: str
    status: int
    code: Code
    detail: str
    errors: list[Fault] = []  # where the request is wrong
    test: dict[str, Any] | None = None  # of a connection that did not pass: as in the answer of a test


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What goes with a problem."""

    errors: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    test: Mapping[str, Any] | None = None


class ApiError(MesraiError):
    """A request that is not carried out, with the code it is answered with."""

    def __init__(self, code: Code, detail: str, beside: Beside | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.beside = beside or Beside()


def not_found(what: str) -> ApiError:
    """There is none of that name."""
    return ApiError(Code.NOT_FOUND, f"There is no such {what}.")


def problem_of(error: MesraiError) -> tuple[Problem, Mapping[str, str]]:
    """The problem that an error is to whoever asked, and its headers. Nothing of our inside is in it."""
    code, beside = _code_of(error), error.beside if isinstance(error, ApiError) else Beside()
    headers = dict(beside.headers)
    if isinstance(error, ForgeRateLimited):
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    elif code is Code.UNAVAILABLE and "retry-after" not in headers:
        headers["retry-after"] = "5"
    return problem(code, _detail_of(error), beside), headers


def problem(code: Code, detail: str, beside: Beside | None = None) -> Problem:
    """A problem with that code."""
    status, title = MEANINGS[code]
    told = beside or Beside()
    return Problem(
        type=f"urn:mesrai:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=redact_secrets(detail)[0][:_MOST_DETAIL],
        errors=list(told.errors),
        test=None if told.test is None else dict(told.test),
    )


def invalid(error: msgspec.ValidationError, where: str) -> ApiError:
    """What the shape of a request refuses: `where` is body, query or path."""
    text = redact_secrets(str(error))[0]
    found = _PATH.search(text)
    path = found[1] if found else "$"
    message = text[: found.start()] if found else text
    place = path if where == "body" else path.removeprefix("$.").removeprefix("$")
    fault = Fault(path=place, message=message[:300])
    return ApiError(Code.INVALID, f"The {where} is not as described: {message[:300]}", Beside(errors=(fault,)))


def _code_of(error: MesraiError) -> Code:
    kinds: tuple[tuple[type[MesraiError] | tuple[type[MesraiError], ...], Code], ...] = (
        (AccessDenied, Code.FORBIDDEN),
        ((MemoryRefused, CredentialMissing, BudgetSpent), Code.REFUSED),
        (UserError, Code.REFUSED),
        (VaultLocked, Code.UNAVAILABLE),
        (StoreError, Code.UNAVAILABLE),
        (ForgeRateLimited, Code.UNAVAILABLE),
        ((ForgeError, ModelError), Code.UPSTREAM),
    )
    if isinstance(error, ApiError):
        return error.code
    return next((code for kind, code in kinds if isinstance(error, kind)), Code.UPSTREAM)


def _detail_of(error: MesraiError) -> str:
    """The sentence for whoever asked; what a database or the keys' place says is for the operator alone."""
    if isinstance(error, VaultLocked):
        return "A saved secret cannot be opened now. The service's log, and `mesrai doctor`, say why."
    if isinstance(error, StoreError):
        return "The database cannot be reached now."
    if isinstance(error, PolicyError) and error.file == "line":  # of a text that was sent
        return told_wrong(error)
    if isinstance(error, (ApiError, UserError, ForgeError, ModelError)):
        return error.message
    return _UNSAID
