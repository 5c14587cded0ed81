"""What the stand-in sends in place of an answer in the words of OpenAI, Anthropic, OpenRouter, Z.ai and Google."""

from collections.abc import Mapping
from typing import Any, Final

from mesrai.sandbox.refusals import Refusal


def _openai(message: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, **more}}


def _anthropic(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sim"}


def _openrouter(code: int, message: str, **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **({"metadata": metadata} if metadata else {})}}


def _zai(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _google(code: int, status: str, message: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, **({"details": details} if details else {})}}


def _google_quota(metric: str, quota: str, wait: str) -> dict[str, Any]:
    violation = {"quotaMetric": f"generativelanguage.googleapis.com/{metric}", "quotaId": quota}
    return _google(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": wait},
    )


ELSEWHERE: Final[Mapping[str, Refusal]] = {
    # --- OpenAI and what is like it ---
    "no_model_openai": Refusal(
        status=404,
        body=_openai(
            "The model `{model}` does not exist or you do not have access to it.",
            "invalid_request_error",
            param=None,
            code="model_not_found",
        ),
    ),
    "throttle_openai": Refusal(
        status=429,
        body=_openai(
            "Rate limit reached for {model} in organization org-sim on requests per min (RPM): Limit 3, Used 3, "
            "Requested 1. Please try again in {seconds}s.",
            "requests",
            param=None,
            code="rate_limit_exceeded",
        ),
        headers={
            "retry-after": "{seconds}",
            "x-ratelimit-limit-requests": "3",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "{seconds}s",
        },
    ),
    "bad_key_deepseek": Refusal(
        status=401,
        body=_openai(
            "Authentication Fails, Your api key: ****{tail} is invalid",
            "authentication_error",
            param=None,
            code="invalid_request_error",
        ),
    ),
    # --- Anthropic ---
    "no_model_anthropic": Refusal(status=404, body=_anthropic("not_found_error", "model: {model}")),
    "no_credit_anthropic": Refusal(
        status=400,
        body=_anthropic(
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
            "purchase credits.",
        ),
    ),
    "throttle_anthropic": Refusal(
        status=429,
        body=_anthropic("rate_limit_error", "This request would exceed your account's rate limit."),
        headers={"retry-after": "{seconds}"},
    ),
    # --- OpenRouter: no type and no param, a number as the code ---
    "bad_key_openrouter": Refusal(status=401, body=_openrouter(401, "No auth credentials found")),
    "no_model_openrouter": Refusal(status=404, body=_openrouter(404, "No endpoints found for {model}.")),
    "no_route_openrouter": Refusal(
        status=404, body=_openrouter(404, "No allowed providers are available for the selected model.")
    ),
    "no_credit_openrouter": Refusal(
        status=402,
        body=_openrouter(
            402,
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
            limit_source="openrouter_credits",
        ),
    ),
    "key_limit_openrouter": Refusal(
        status=402,
        body=_openrouter(402, "This key has reached its credit limit.", limit_source="openrouter_key_limit"),
    ),
    "in_flight_budget": Refusal(
        status=402,
        body=_openrouter(
            402,
            "The requests in flight would use more than the credits left. Try again when they are done.",
            limit_source="openrouter_in_flight_budget",
            reason="in_flight_budget_exhausted",
        ),
        headers={"retry-after": "{seconds}"},
    ),
    "throttle_openrouter": Refusal(
        status=429,
        body=_openrouter(
            429,
            "Provider returned error",
            raw="{model} is temporarily rate-limited upstream. Please retry shortly.",
            provider_name="Moonshot AI",
        ),
    ),
    "throttle_free": Refusal(
        status=429,
        body=_openrouter(429, "Rate limit exceeded: free-models-per-min. ", error_type="rate_limit_exceeded"),
    ),
    "quota_free": Refusal(
        status=429,
        body=_openrouter(429, "Rate limit exceeded: free-models-per-day. ", error_type="rate_limit_exceeded"),
    ),
    "overloaded_openrouter": Refusal(
        status=503, body=_openrouter(503, "Provider returned error", error_type="provider_overloaded")
    ),
    "unavailable_openrouter": Refusal(
        status=502, body=_openrouter(502, "Provider returned error", error_type="provider_unavailable")
    ),
    "moderated": Refusal(
        status=403,
        body=_openrouter(
            403,
            "The request was flagged by moderation.",
            reasons=["violence"],
            flagged_input="(a part of the request)",
            provider_name="Moonshot AI",
            model_slug="{model}",
        ),
    ),
    # --- Z.ai: a number in quotes as the code ---
    "bad_key_zai": Refusal(status=401, body=_zai("1000", "Authentication Failed")),
    "no_key_zai": Refusal(
        status=401, body=_zai("1001", "Authentication parameter not received in Header, unable to authenticate")
    ),
    "no_model_zai": Refusal(status=400, body=_zai("1211", "Unknown Model, please check the model code.")),
    "no_credit_zai": Refusal(
        status=429, body=_zai("1113", "Insufficient balance or no resource package. Please recharge.")
    ),
    "throttle_zai": Refusal(
        status=429,
        body=_zai("1302", "High concurrency usage of this API, please reduce concurrency or contact customer service."),
    ),
    "overloaded_zai": Refusal(
        status=429, body=_zai("1305", "The service may be temporarily overloaded, please try again later")
    ),
    "quota_zai": Refusal(
        status=429, body=_zai("1308", "Usage limit reached for 5 hour. Your limit will reset at {reset_local}")
    ),
    "membership_zai": Refusal(
        status=429, body=_zai("1309", "Your GLM Coding Plan package has expired and is temporarily unavailable.")
    ),
    # --- Gemini: no type, a status in capitals, and what is exact in the details ---
    "bad_key_gemini": Refusal(
        status=400,
        body=_google(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            },
        ),
    ),
    "no_model_gemini": Refusal(
        status=404,
        body=_google(
            404,
            "NOT_FOUND",
            "models/{model} is not found for API version v1beta, or is not supported for generateContent.",
        ),
    ),
    "no_credit_gemini": Refusal(
        status=402, body=_google(402, "FAILED_PRECONDITION", "The prepaid credits of this project are used up.")
    ),
    "throttle_gemini": Refusal(
        status=429,
        body=_google_quota(
            "generate_content_paid_tier_requests", "GenerateRequestsPerMinutePerProjectPerModel", "{seconds}s"
        ),
    ),
    "quota_gemini": Refusal(
        status=429,
        body=_google_quota(
            "generate_content_free_tier_requests", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "39600s"
        ),
    ),
    "overloaded_gemini": Refusal(
        status=503, body=_google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
    ),
    "server_error_gemini": Refusal(
        status=500, body=_google(500, "INTERNAL", "An internal error has occurred. Please retry.")
    ),
}
