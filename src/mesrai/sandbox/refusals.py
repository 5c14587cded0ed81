"""What the stand-in sends in place of an answer: Moonshot's words, and those that any vendor or gateway may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A response that is no answer. `{key}` in a text stands for the key that was sent; see `app`."""

    status: int
    body: Any  # JSON, or a text
    headers: Mapping[str, str] = field(default_factory=dict)


def _error(message: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, **more}}


_PAGE: Final = "<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body></html>"
_RPM: Final = "Your account acct-1<ak-f7x2> request reached max request: 3, please try again after {seconds} seconds"

COMMON: Final[Mapping[str, Refusal]] = {
    "bad_key": Refusal(status=401, body=_error("Invalid Authentication", "invalid_authentication_error")),
    "bad_key_openai": Refusal(
        status=401,
        body=_error(
            "Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys.",
            "invalid_request_error",
            code="invalid_api_key",
            param=None,
        ),
        headers={"content-type": "text/plain"},
    ),
    "bad_key_anthropic": Refusal(
        status=401,
        body={
            "type": "error",
            "error": {"type": "authentication_error", "message": "invalid x-api-key"},
            "request_id": "req_sim",
        },
    ),
    "bad_key_text": Refusal(status=401, body="Authentication Fails (governor)"),
    "bad_key_string": Refusal(status=401, body={"error": "Unauthorized"}),
    "bad_key_detail": Refusal(status=401, body={"detail": "Unauthorized"}),
    "bad_key_google": Refusal(
        status=400,
        body=[
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "status": "INVALID_ARGUMENT",
                    "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
                }
            }
        ],
    ),
    "no_credit": Refusal(
        status=402, body=_error("Insufficient Balance", "unknown_error", code="invalid_request_error")
    ),
    "membership": Refusal(
        status=402,
        body=_error(
            "We're unable to verify your membership benefits at this time. Please ensure your membership is active.",
            "invalid_request_error",
        ),
    ),
    "client_gate": Refusal(
        status=403,
        body=_error(
            "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code, Roo Code, "
            "Kilo Code, etc.",
            "access_terminated_error",
        ),
    ),
    "terminated": Refusal(status=403, body=_error("Access terminated.", "access_terminated_error")),
    "html_403": Refusal(status=403, body=_PAGE.replace("{title}", "Attention Required!")),
    "no_model": Refusal(
        status=404, body=_error("Not found the model {model} or Permission denied", "resource_not_found_error")
    ),
    "throttle": Refusal(
        status=429, body=_error("We're receiving too many requests at the moment.", "rate_limit_error")
    ),
    "throttle_text": Refusal(status=429, body=_error(_RPM, "rate_limit_reached_error")),
    "throttle_retry_after": Refusal(
        status=429,
        body=_error(_RPM.split(", please")[0], "rate_limit_reached_error"),
        headers={"retry-after": "{seconds}"},
    ),
    "quota": Refusal(
        status=429,
        body=_error(
            "Your account acct-1 is suspended due to insufficient balance, please recharge your account or check your "
            "plan and billing details",
            "exceeded_current_quota_error",
        ),
    ),
    "quota_openai": Refusal(
        status=429,
        body=_error(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            code="insufficient_quota",
        ),
    ),
    "quota_window": Refusal(
        status=403,
        body=_error(
            "You've reached your usage limit for this billing cycle. Your quota will be refreshed in the next cycle.",
            "access_terminated_error",
        ),
    ),
    "overloaded": Refusal(
        status=429,
        body=_error("The engine is currently overloaded, please try again later", "engine_overloaded_error"),
    ),
    "overloaded_529": Refusal(
        status=529, body={"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    ),
    "overloaded_503": Refusal(status=503, body=_error("Service temporarily unavailable", "server_unavailable")),
    "server_error": Refusal(status=500, body=_error("invalid state transition", "server_error")),
    "html_504": Refusal(status=504, body=_PAGE.replace("{title}", "504 Gateway Time-out")),
    "too_long": Refusal(
        status=400,
        body=_error(
            "Invalid request: Your request exceeded model token limit: 262144 (requested: 558009)",
            "invalid_request_error",
        ),
    ),
    "body_too_big": Refusal(
        status=400, body=_error("total message size 3145728 exceeds limit 2097152", "invalid_request_error")
    ),
    "filtered": Refusal(
        status=400, body=_error("The request was rejected because it was considered high risk", "content_filter")
    ),
    "malformed": Refusal(
        status=400, body=_error("Invalid request: messages must not be empty", "invalid_request_error")
    ),
    "redirect": Refusal(status=301, body="", headers={"location": "https://docs.example.com/api?key=hidden"}),
    "html_200": Refusal(status=200, body=_PAGE.replace("{title}", "Welcome to the docs")),
    "json_200": Refusal(status=200, body={"status": "ok"}),
    "empty": Refusal(status=200, body=""),
    "error_in_200": Refusal(
        status=200,
        body={"error": {"code": 502, "message": "Provider disconnected", "metadata": {"error_type": "server"}}},
    ),
    # --- Kimi Code ---
    "quota_period": Refusal(
        status=429,
        body=_error(
            "You've reached your usage limit for this period. Your quota will be refreshed in the next period.",
            "rate_limit_error",
        ),
    ),
    "quota_5_hours": Refusal(
        status=403,
        body=_error(
            "You've reached your 5-hour usage limit. Your quota will be refreshed in the next period.",
            "access_terminated_error",
        ),
    ),
    "quota_week": Refusal(
        status=403,
        body=_error(
            "You've reached your weekly (7-day) usage limit. Your quota will be refreshed in the next period.",
            "access_terminated_error",
        ),
    ),
    "concurrency_403": Refusal(
        status=403, body=_error("You've reached your concurrent request limit", "access_terminated_error")
    ),
    "concurrency_429": Refusal(
        status=429,
        body=_error(
            "We're receiving too many requests at the moment. Please wait a moment and try again.", "rate_limit_error"
        ),
    ),
    "bad_key_kimi_code": Refusal(
        status=401,
        body=_error(
            "The API Key appears to be invalid or may have expired. Please verify your credentials and try again.",
            "invalid_authentication_error",
        ),
    ),
    # --- Moonshot ---
    "throttle_organization": Refusal(
        status=429,
        body=_error(
            "Organization Rate limit exceeded, please try again after {seconds} seconds", "rate_limit_reached_error"
        ),
    ),
    "throttle_user_model": Refusal(
        status=429, body=_error("request reached user+model max RPM: 50", "rate_limit_reached_error")
    ),
    "tool_result_missing": Refusal(
        status=400, body=_error("Invalid request: tool_call_id not found", "invalid_request_error")
    ),
    "no_access": Refusal(
        status=403, body=_error("Your IP is not allowed to access this organization", "permission_denied_error")
    ),
    "quota_403": Refusal(
        status=403,
        body=_error(
            "Your account acct-1<ak-f7x2> is not active, current state: suspended", "exceeded_current_quota_error"
        ),
    ),
    "quota_day": Refusal(
        status=429,
        body=_error(
            "Your account acct-1<ak-f7x2> request reached TPD rate limit, current:1500012, limit:1500000",
            "rate_limit_reached_error",
        ),
    ),
    # --- What stands before an API ---
    "html_524": Refusal(status=524, body=_PAGE.replace("{title}", "524: A timeout occurred")),
    "html_502": Refusal(status=502, body=_PAGE.replace("{title}", "502 Bad Gateway")),
}
