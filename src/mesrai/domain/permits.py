"""What limits how much may be asked of an account at a provider, and what one request wants of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one account at a provider. None: none is known."""

    concurrent: int | None = None  # HTTP requests in flight
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One HTTP request that asks to be let through."""

    account: str  # endpoint and fingerprint of the key: see `account_of`
    limits: Limits
    tokens: int = 0  # of prompt and allowed answer, which some providers charge at admission
    review: str = ""  # permits are shared out evenly between reviews
