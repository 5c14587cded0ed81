"""Any provider's refusal to one typed error: by type, code and text, and by the status where nothing else speaks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mesrai.errors import (
    AnswerRefused,
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOutOfCredit,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    PromptRejected,
    PromptTooLong,
)
from mesrai.llm.error_body import Said, read_error
from mesrai.llm.key_families import key_advice
from mesrai.llm.waits import reset_from, wait_from
from mesrai.llm.words import safe_words

MOST_MESSAGE_CHARS: Final = 900
_REQUEST_ID_HEADERS: Final = (
    "x-request-id", "request-id", "msh-request-id", "x-generation-id", "x-trace-id", "x-msh-trace-id", "cf-ray",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What the rules look at."""

    status: int
    said: Said
    text: str  # lower case
    host: str
    location: str

    def is_any(self, *kinds: str) -> bool:
        """Whether the provider gave one of these types or codes."""
        return not self.said.kinds.isdisjoint(kinds)

    def says(self, *phrases: str) -> bool:
        """Whether its words contain one of these."""
        return any(phrase in self.text for phrase in phrases)


_Verdict = tuple[type[ModelError], str]
_Rule = Callable[[_Refusal], _Verdict | None]


def error_from(
    status: int, headers: Mapping[str, str], body: bytes, *, provider: str, model: str, host: str = ""
) -> ModelError:
    """The error a response amounts to. `status` may be 200: some providers send errors inside one.

    Never raises. The message holds at most 200 characters of the provider's words, without anything key-like.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    return error_said(read_error(body), status, lowered, provider=provider, model=model, host=host)


def error_said(
    said: Said, status: int, headers: Mapping[str, str], *, provider: str, model: str, host: str = ""
) -> ModelError:
    """The error that words already read amount to; `headers` have lower-case names."""
    named = said.status if status < 300 else None
    refusal = _Refusal(
        status=named or status, said=said, text=said.text.lower(), host=host, location=headers.get("location", "")
    )
    kind, sentence = next(verdict for rule in _RULES if (verdict := rule(refusal)) is not None)
    resets_at = safe_words(reset_from(said), 60) if issubclass(kind, ModelQuota) else ""
    if resets_at:
        sentence = f"{sentence} It is renewed {resets_at}."
    return kind(
        _message(sentence, refusal, f"{provider}/{model}" if provider else model),
        provider=provider,
        model=model,
        status=refusal.status,
        request_id=request_id_in(headers),
        retry_after_s=wait_from(headers, said),
        resets_at=resets_at,
    )


def request_id_in(headers: Mapping[str, str]) -> str:
    """The id under which the provider can find this request; `headers` have lower-case names."""
    found = next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), "")
    return re.sub(r"[^\w.:-]", "", found)[:80]


def _message(sentence: str, refusal: _Refusal, asked: str) -> str:
    words = safe_words(refusal.said.text)
    status = f"HTTP {refusal.status}" if refusal.status >= 300 else "an error inside HTTP 200"
    source = "a gateway's page" if refusal.said.is_html else status
    told = f' ({source}: "{words}")' if words else f" ({source}, without a word)"
    return f"{asked[:120]}: {sentence}{told}"[:MOST_MESSAGE_CHARS]


def _gate(refusal: _Refusal) -> _Verdict | None:
    if refusal.says("only available for coding agents"):
        return ModelNotAdmitted, (
            "This surface admits only the coding agents its vendor lists; the key is not at fault. "
            "Use the plan's Anthropic messages surface, or another plan."
        )
    return None


def _too_long(refusal: _Refusal) -> _Verdict | None:
    verdict = PromptTooLong, "The request is larger than the model's window or the provider's body limit."
    if refusal.status == 413 or refusal.is_any("context_length_exceeded", "request_too_large", "base_resp:1039"):
        return verdict
    # A request larger than the whole minute's allowance never fits, however long one waits.
    if refusal.says("request too large"):
        return verdict
    if refusal.status in (401, 402, 403, 429):
        return None
    phrases = (
        "model token limit", "token limit exceeded", "context length", "context window", "context_length",
        "context limit", "input token length too long", "total message size", "prompt is too long",
        "input is too long", "prompt too long", "too many input tokens", "reduce the length",
        "maximum input length", "input length", "exceeds the maximum number of tokens", "entity too large",
        "body too large", "input token count",
    )  # fmt: skip
    return verdict if refusal.says(*phrases) else None


def _throttled_by_name(refusal: _Refusal) -> _Verdict | None:
    """Limits that would else pass for a used-up quota or a closed door."""
    is_google_minute = refusal.is_any("resource_exhausted") and not any("perday" in kind for kind in refusal.said.kinds)
    if is_google_minute or refusal.is_any("openrouter_in_flight_budget", "in_flight_budget_exhausted"):
        return _throttle()
    if refusal.says("concurrent request limit", "max concurrency", "in_flight_budget"):
        return _throttle()
    return None


def _quota(refusal: _Refusal) -> _Verdict | None:
    if refusal.status not in (200, 400, 402, 403, 429):
        return None
    windows = (
        "usage limit", "tpd rate limit", "tokens per day", "requests per day", "(tpd)", "(rpd)", "daily limit",
        "free-models-per-day", "weekly limit", "monthly limit",
    )  # fmt: skip
    is_window = refusal.says(*windows) or refusal.is_any("1308", "1310", "usage_limit_reached", "resource_exhausted")
    if is_window or (refusal.is_any("rate_limit_reached_error") and refusal.says("tpd")):
        return ModelQuota, "The plan's quota is used up. Wait until it is renewed, or use another connection."
    return None


def _out_of_credit(refusal: _Refusal) -> _Verdict | None:
    is_membership = refusal.says("membership benefits") or (refusal.status == 402 and refusal.says("membership"))
    if is_membership or refusal.is_any("1309"):
        return ModelOutOfCredit, "The plan's membership is not active. Renew it, or use another connection."
    phrases = (
        "insufficient balance", "insufficient_balance", "insufficient credit", "insufficient funds",
        "credit balance", "check your account balance", "recharge", "in arrears", "out of credit", "no credits",
        "not enough credit", "spending limit", "failure to pay", "past due", "requires more credits",
        "billing hard limit", "negative balance",
    )  # fmt: skip
    kinds = ("billing_error", "payment_required", "insufficient_quota", "insufficient_balance", "creditserror", "1113",
             "openrouter_credits", "openrouter_key_limit", "base_resp:1008", "billing_not_active")  # fmt: skip
    if refusal.status == 402 or refusal.says(*phrases) or refusal.is_any(*kinds):
        return ModelOutOfCredit, "The account has no credit left. Add funds at the provider, or use another connection."
    quota = (
        "exceeded your current quota",
        "current token quota",
        "quota exceeded",
        "exceeded your quota",
        "out of quota",
    )
    if refusal.is_any("exceeded_current_quota_error", "quota_exceeded") or refusal.says(*quota):
        return ModelQuota, "The account's quota is used up. Check its balance and plan, or use another connection."
    return None


def _overloaded(refusal: _Refusal) -> _Verdict | None:
    kinds = (
        "engine_overloaded_error", "overloaded_error", "provider_overloaded", "server_overloaded",
        "server_unavailable", "1305", "capacity_exceeded", "service_tier_capacity_exceeded",
    )  # fmt: skip
    is_status = refusal.status in (498, 529) or (refusal.status == 503 and not refusal.said.is_html)
    if is_status or refusal.is_any(*kinds) or refusal.says("overloaded", "over capacity", "no capacity"):
        return ModelOverloaded, "The provider is overloaded; your account is not at fault. Try again later."
    return None


def _filtered(refusal: _Refusal) -> _Verdict | None:
    kinds = (
        "content_filter",
        "content_policy_violation",
        "moderation",
        "data_inspection_failed",
        "base_resp:1027",
        "1301",
    )
    phrases = ("considered high risk", "content filter", "content policy", "content management policy", "flagged as")
    if refusal.is_any(*kinds) or refusal.says(*phrases):
        return AnswerRefused, "The provider's content filter refused this request."
    return None


def _auth(refusal: _Refusal) -> _Verdict | None:
    kinds = (
        "invalid_authentication_error", "incorrect_api_key_error", "authentication_error", "invalid_api_key",
        "api_key_invalid", "authentication", "unauthenticated", "1000", "1001", "1002", "1003", "1004", "1005",
        "base_resp:1004", "base_resp:2049",
    )  # fmt: skip
    phrases = (
        "incorrect api key",
        "invalid api key",
        "api key not valid",
        "invalid x-api-key",
        "invalid authentication",
    )
    if refusal.status == 401 or refusal.is_any(*kinds) or refusal.says(*phrases):
        return ModelAuth, f"The provider does not accept this key. {key_advice(refusal.host)}"
    return None


def _unknown(refusal: _Refusal) -> _Verdict | None:
    model = ModelUnknown, "The provider has no such model, or this key may not use it. Check the model's name."
    kinds = ("model_not_found", "1211", "model_not_available", "base_resp:2013")
    phrases = (
        "not found the model", "no endpoints found", "is not a valid model", "model not found", "no such model",
        "unknown model", "invalid model name", "decommissioned", "model is deprecated",
    )  # fmt: skip
    is_missing = re.search(r"\bmodel\b.{0,120}\b(?:does not exist|not exist|not found|is not available)", refusal.text)
    if refusal.is_any(*kinds) or refusal.says(*phrases) or is_missing:
        return model
    if 300 <= refusal.status < 400:
        to = safe_words(refusal.location.split("?")[0], 120) or "another address"
        return ModelUnknown, f"The base URL is not the API's own: it redirects to {to}. Set the base URL it stands for."
    if refusal.status in (404, 405, 410) or refusal.says("method not found"):
        return ModelUnknown, "Nothing answers at this path. Check the base URL and the model's name."
    return None


def _closed(refusal: _Refusal) -> _Verdict | None:
    if refusal.status == 407:
        return ModelNotAdmitted, "The proxy on the way wants a name and password. Put them into HTTPS_PROXY."
    if refusal.status == 403 and refusal.said.is_html:
        return ModelNotAdmitted, "A gateway or firewall on the way refused the request, not the provider's API."
    kinds = ("permission_denied_error", "permission_error", "access_terminated_error", "permission_denied")
    is_place = refusal.is_any("unsupported_country_region_territory") or refusal.says("user location is not supported")
    if is_place or refusal.status in (403, 451) or refusal.is_any(*kinds):
        return ModelNotAdmitted, "The provider does not let this account or address use this endpoint."
    return None


def _throttled(refusal: _Refusal) -> _Verdict | None:
    kinds = ("rate_limit_reached_error", "rate_limit_error", "rate_limit_exceeded", "1302", "1303", "base_resp:1002")
    is_named = refusal.is_any(*kinds) or refusal.says("rate limit", "rate-limit", "too many requests")
    return _throttle() if refusal.status == 429 or is_named else None


def _failed(refusal: _Refusal) -> _Verdict | None:
    if refusal.status in (408, 504, 522, 524) or refusal.is_any("timeout_error", "timeout"):
        return ModelTimeout, "The provider, or a gateway before it, gave up waiting for the answer."
    if refusal.status >= 500 or refusal.status in (409, 425, 499) or refusal.is_any("server_error", "api_error"):
        return ModelUnavailable, "The provider failed on its side. Try again later."
    if refusal.status < 300:
        return ModelUnavailable, "The provider sent an error in place of an answer."
    return None


def _rejected(_: _Refusal) -> _Verdict:
    return PromptRejected, "The provider refused the request as malformed."


def _throttle() -> _Verdict:
    return ModelThrottled, "The provider limits how fast this account may ask. Lower the number of concurrent requests."


# The first that speaks decides, so what is told by exact words comes before what is told by the status.
_RULES: Final[tuple[_Rule, ...]] = (
    _gate, _too_long, _throttled_by_name, _quota, _out_of_credit, _overloaded, _filtered, _auth, _unknown, _throttled,
    _closed, _failed, _rejected,
)  # fmt: skip
