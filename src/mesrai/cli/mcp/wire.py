"""JSON-RPC 2.0 as the Model Context Protocol uses it: messages read and written.

https://modelcontextprotocol.io/specification/2025-06-18/basic
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from mesrai.errors import MesraiError

Message = dict[str, Any]
Id = str | int


class Code(IntEnum):
    """What an error answer says went wrong."""

    PARSE = -32700
    INVALID_REQUEST = -32600
    NO_METHOD = -32601
    INVALID_PARAMS = -32602
    INTERNAL = -32603


class Refused(MesraiError):
    """The message cannot be carried out."""

    def __init__(self, code: Code, message: str, *, request: Id | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request = request


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request, or a notification, which has no id."""

    method: str
    request: Id | None
    params: Mapping[str, Any] = field(default_factory=dict)


def read_message(raw: bytes) -> Incoming | None:
    """One message; None for an answer, of which we await none. Errors: Refused."""
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused(Code.PARSE, "This is no JSON.") from error
    if isinstance(message, list):
        raise Refused(Code.INVALID_REQUEST, "Batches are not part of this version of the protocol.")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Refused(Code.INVALID_REQUEST, "This is no JSON-RPC 2.0 message.")
    if "method" not in message and ("result" in message or "error" in message):
        return None
    method, request, params = message.get("method"), message.get("id"), message.get("params", {})
    if "id" in message and (isinstance(request, bool) or not isinstance(request, str | int)):
        raise Refused(Code.INVALID_REQUEST, "The id of a request is a text or a whole number.")
    if not isinstance(method, str):
        raise Refused(Code.INVALID_REQUEST, "There is no method.", request=request)
    if not isinstance(params, dict):
        raise Refused(Code.INVALID_PARAMS, "The params are no object.", request=request)
    return Incoming(method=method, request=request, params=params)


def answer(request: Id, result: Mapping[str, Any]) -> Message:
    """The answer to a request."""
    return {"jsonrpc": "2.0", "id": request, "result": result}


def error_answer(refused: Refused) -> Message:
    """The answer to what cannot be carried out."""
    told = {"code": int(refused.code), "message": refused.message}
    return {"jsonrpc": "2.0", "id": refused.request, "error": told}


def notification(method: str, params: Mapping[str, Any]) -> Message:
    """A message that awaits no answer."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def written(message: Message) -> bytes:
    """The message on one line of ASCII, without a line end."""
    return json.dumps(message, separators=(",", ":")).encode("ascii")
