"""The stand-in's responses that are no answers, and the headers each vendor sends."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from mesrai.sandbox.faces import Face, Style
from mesrai.sandbox.faults import REFUSALS, Fault, own_name
from mesrai.sandbox.limits import Account
from mesrai.sandbox.worlds import World

_HTML: Final = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blanks:
    """What stands in a refusal's text in place of its marks."""

    key: str = ""
    model: str = ""
    reset_at: float = 0.0  # when a quota is renewed


def refusal(fault: Fault, blanks: Blanks) -> Response:
    """The response that a fault is."""
    given = REFUSALS[fault.name]
    told = {
        "{key}": blanks.key,
        "{tail}": blanks.key[-4:],
        "{model}": blanks.model,
        "{seconds}": fault.settings.get("seconds", "1"),
        "{reset_local}": datetime.fromtimestamp(blanks.reset_at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }
    text = given.body if isinstance(given.body, str) else json.dumps(given.body)
    headers = {name: _told(value, told) for name, value in given.headers.items()}
    if not isinstance(given.body, str):
        told = {mark: json.dumps(value)[1:-1] for mark, value in told.items()}
    if not isinstance(given.body, str):
        headers.setdefault("content-type", "application/json")
    elif given.body.startswith("<"):
        headers.setdefault("content-type", _HTML)
    return Response(_told(text, told), given.status, headers)


def refused(face: Face, name: str, blanks: Blanks) -> Response:
    """A refusal in the face's own words."""
    own = own_name(face.style, name)
    if own == "bad_key_openai":
        blanks = Blanks(key=_masked(blanks.key), model=blanks.model)
    return refusal(Fault(name=own), blanks)


def bad_request(face: Face, words: str, *, is_messages: bool) -> Response:
    """A 400 in the form of the face. Moonshot's messages surfaces use Anthropic's form for these only."""
    if face.style is Style.OPENROUTER:
        return JSONResponse({"error": {"message": words, "code": 400}}, 400)
    if face.style is Style.GEMINI:
        return JSONResponse({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}, 400)
    if face.style is Style.ZAI:
        return JSONResponse({"error": {"code": "1210", "message": words}}, 400)
    error: dict[str, Any] = {"type": "invalid_request_error", "message": words}
    if is_messages:
        return JSONResponse({"type": "error", "error": error}, 400)
    if face.style is Style.OPENAI:
        quoted = re.search(r"'(\w+)'", words)
        code = "unsupported_value" if words.startswith("Unsupported value") else "unsupported_parameter"
        error |= {"param": quoted[1] if quoted else None, "code": code if words.startswith("Unsupported") else None}
    return JSONResponse({"error": error}, 400)


def over_limit(words: str, wait_s: int, *, with_retry_after: bool) -> Response:
    """A 429 of the Developer API. Its real ones carry no Retry-After (captured 2026-03-17), though its page says so."""
    headers = {"retry-after": str(wait_s)} if with_retry_after else {}
    return JSONResponse({"error": {"message": words, "type": "rate_limit_reached_error"}}, 429, headers)


def headers_of(face: Face, number: int, account: Account, world: World | None) -> Mapping[str, str]:
    """What the vendor says beside every response; `number` makes its id."""
    request_id = f"sim-{number}"
    match face.style:
        case Style.OPENROUTER:
            return {"x-generation-id": f"gen-{request_id}"}
        case Style.ANTHROPIC:
            return {"request-id": f"req_{request_id}"}
        case Style.OPENAI:
            return {"x-request-id": f"req_{request_id}"}
        case Style.ZAI:
            return {"x-log-id": request_id}
        case Style.GEMINI:
            return {"server-timing": "gfet4t7; dur=1"}
    trace = hashlib.sha256(f"{account.id} {number}".encode()).hexdigest()[:32]
    tier = f"enterprise-tier-{world.tier}" if world is not None and world.tier is not None else "enterprise-tier-1"
    return {
        "msh-request-id": request_id,
        "x-msh-trace-id": trace,
        "msh-uid": account.id,
        "msh-org-id": f"org-{account.id[5:]}",
        "msh-project-id": f"proj-{account.id[5:]}",
        "msh-gid": tier,
        "msh-trace-mode": "on",
    }


def _masked(key: str) -> str:
    """A key as OpenAI repeats it: its first eight and last four letters."""
    return f"{key[:8]}{'*' * 10}{key[-4:]}" if len(key) > 12 else key


def _told(text: str, told: Mapping[str, str]) -> str:
    for mark, value in told.items():
        text = text.replace(mark, value)
    return text
