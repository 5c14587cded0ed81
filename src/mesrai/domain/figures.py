"""Every figure that `/metrics` shows, by name: docs/operate/metrics.md is made from this."""

from typing import Final

from mesrai.domain.tally import Family, Kind

_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0)

# What this process saw since it began.
HTTP_REQUESTS: Final = Family(
    name="mesrai_http_requests_total",
    kind=Kind.COUNTER,
    meaning="Requests that were answered, by area (webhooks, api, pages, health), method and status.",
    labels=("area", "method", "status"),
)
HTTP_SECONDS: Final = Family(
    name="mesrai_http_request_seconds",
    kind=Kind.HISTOGRAM,
    meaning="Seconds until an answer began.",
    labels=("area",),
    buckets=_QUICK,
)
WEBHOOKS: Final = Family(
    name="mesrai_webhooks_total",
    kind=Kind.COUNTER,
    meaning="Webhooks by outcome: taken, refused (not signed, too large, too slow), failed (ours to mend).",
    labels=("forge", "outcome"),
)
JOB_SECONDS: Final = Family(
    name="mesrai_job_seconds",
    kind=Kind.HISTOGRAM,
    meaning="Seconds that jobs took, by kind (review, command) and outcome: ended, waits (for a limit), failed "
    "(it is tried again), gave_up (the people are told), given_back (this process was stopped), lost (to another "
    "worker).",
    labels=("kind", "outcome"),
    buckets=_LONG,
)
FORGE_REQUESTS: Final = Family(
    name="mesrai_forge_requests_total",
    kind=Kind.COUNTER,
    meaning="Answers of the code host, by status.",
    labels=("forge", "status"),
)
FORGE_REMAINING: Final = Family(
    name="mesrai_forge_rate_limit_remaining",
    kind=Kind.GAUGE,
    meaning="Requests that are left until the code host's limit, as it said last, by resource. The lowest of what its "
    "credentials have left.",
    labels=("forge", "resource"),
)
LOG_LINES: Final = Family(
    name="mesrai_log_lines_total", kind=Kind.COUNTER, meaning="Lines of the log, by level.", labels=("level",)
)
BUILD: Final = Family(
    name="mesrai_build", kind=Kind.GAUGE, meaning="1, with the version as a label.", labels=("version",)
)
STARTED: Final = Family(
    name="mesrai_process_start_time_seconds", kind=Kind.GAUGE, meaning="When this process began, since the epoch."
)
MEMORY: Final = Family(
    name="mesrai_process_resident_memory_bytes", kind=Kind.GAUGE, meaning="Memory that this process has in use."
)

# What the database says: every process shows the same.
DATABASE_UP: Final = Family(
    name="mesrai_database_up",
    kind=Kind.GAUGE,
    meaning="1 if the database could be read for this answer. With 0 the figures below are missing.",
)
JOBS: Final = Family(
    name="mesrai_jobs",
    kind=Kind.GAUGE,
    meaning="Jobs that are not done, by kind and state: waiting (due now), parked (due later), running, lost (its "
    "worker is gone), failed (within the last 14 days).",
    labels=("kind", "state"),
)
OLDEST: Final = Family(
    name="mesrai_jobs_oldest_waiting_seconds",
    kind=Kind.GAUGE,
    meaning="For how long the oldest job that is due has waited; 0 if none does.",
)
PERMITS: Final = Family(
    name="mesrai_permits",
    kind=Kind.GAUGE,
    meaning="Requests to a model's account at this moment, over all processes: out (in flight) or waiting for a place. "
    "The account is its address and a fingerprint of the key.",
    labels=("account", "state"),
)
PERMITS_REDUCED: Final = Family(
    name="mesrai_permits_reduced_to",
    kind=Kind.GAUGE,
    meaning="The cap of an account that was lowered since the provider throttled; missing where it was not.",
    labels=("account",),
)
MODEL_CALLS: Final = Family(
    name="mesrai_model_calls_total",
    kind=Kind.COUNTER,
    meaning="Requests to models by outcome: answered, failed (no usable answer).",
    labels=("provider", "model", "outcome"),
)
MODEL_TOKENS: Final = Family(
    name="mesrai_model_tokens_total",
    kind=Kind.COUNTER,
    meaning="Tokens by what they were: input (cached ones included), cached, output (reasoning included), reasoning.",
    labels=("provider", "model", "what"),
)
MODEL_COST: Final = Family(
    name="mesrai_model_cost_total",
    kind=Kind.COUNTER,
    meaning="What requests cost, where that is known.",
    labels=("provider", "model", "currency"),
)
MONTH_COST: Final = Family(
    name="mesrai_month_cost",
    kind=Kind.GAUGE,
    meaning="What was spent in this month (UTC).",
    labels=("organisation", "currency"),
)
MONTH_BUDGET: Final = Family(
    name="mesrai_month_budget",
    kind=Kind.GAUGE,
    meaning="What may be spent in a month; missing where there is no bound.",
    labels=("organisation", "currency"),
)
OUTAGES: Final = Family(
    name="mesrai_outage",
    kind=Kind.GAUGE,
    meaning="1 for a model that is not asked at the moment, with the cause: a quota, a key that is refused, an outage.",
    labels=("provider", "model", "cause"),
)
REVIEWS: Final = Family(
    name="mesrai_reviews_last_day",
    kind=Kind.GAUGE,
    meaning="Reviews of the last 24 hours, by outcome.",
    labels=("outcome",),
)

OF_THE_PROCESS: Final = (
    HTTP_REQUESTS, HTTP_SECONDS, WEBHOOKS, JOB_SECONDS, FORGE_REQUESTS, FORGE_REMAINING, LOG_LINES, BUILD, STARTED,
    MEMORY,
)  # fmt: skip
OF_THE_DATABASE: Final = (
    DATABASE_UP, JOBS, OLDEST, PERMITS, PERMITS_REDUCED, MODEL_CALLS, MODEL_TOKENS, MODEL_COST, MONTH_COST,
    MONTH_BUDGET, OUTAGES, REVIEWS,
)  # fmt: skip
