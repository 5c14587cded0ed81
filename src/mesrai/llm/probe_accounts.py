"""What vendors say of an account: its balance, the windows of its quota, the limits of its key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, Final

from mesrai.llm.words import safe_words

_MOST: Final = Decimal(10) ** 15  # no account holds more; whatever says so is no amount
_LOW: Final[Mapping[str, Decimal]] = {"USD": Decimal(1), "CNY": Decimal(7)}  # less than a few reviews cost
_NEARLY: Final = Decimal("0.9")  # of a window
_MOST_WINDOWS: Final = 10
_UNITS: Final[Mapping[str, tuple[str, int]]] = {  # with how many minutes one has
    "SECOND": ("second", 0), "MINUTE": ("minute", 1), "HOUR": ("hour", 60), "DAY": ("day", 1_440),
    "WEEK": ("week", 10_080), "MONTH": ("month", 43_200),
}  # fmt: skip
_RESETS: Final = ("resetTime", "reset_time", "resetAt", "reset_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Money on an account that pays by the token."""

    available: Decimal  # what requests may spend; none are served at 0 or less
    currency: str  # empty: not said
    voucher: Decimal | None = None
    cash: Decimal | None = None  # may be negative

    @property
    def is_spent(self) -> bool:
        """Whether requests are refused."""
        return self.available <= 0

    @property
    def is_low(self) -> bool:
        """Whether it will soon be spent."""
        return self.available < _LOW.get(self.currency, Decimal(1))

    @property
    def text(self) -> str:
        """The amount, for people."""
        return f"{self.available:,.2f} {self.currency}".strip()

    @property
    def facts(self) -> tuple[str, ...]:
        """The amount and what it is made of."""
        parts = {"vouchers": self.voucher, "cash": self.cash}
        told = [f"{name} {amount:,.2f}" for name, amount in parts.items() if amount is not None]
        return (f"Balance: {self.text}{f' ({chr(44).join(told)})' if told else ''}".replace(",cash", ", cash"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A quota that is renewed."""

    name: str  # "5 hours"
    used: Decimal
    limit: Decimal
    resets_at: str  # as the vendor says; empty: not said

    @property
    def is_spent(self) -> bool:
        """Whether nothing of it is left."""
        return self.used >= self.limit

    @property
    def is_nearly_spent(self) -> bool:
        """Whether little of it is left."""
        return self.used >= self.limit * _NEARLY

    @property
    def fact(self) -> str:
        """All of it, for people."""
        reset = f", renewed {self.resets_at}" if self.resets_at else ""
        return f"{self.name}: {self.used:,f} of {self.limit:,f} used{reset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a subscription leaves to be used."""

    windows: tuple[Window, ...]
    has_extra: bool = False  # there is paid usage beyond the windows
    at_once: int | None = None  # requests in flight; None: not said

    @property
    def spent(self) -> tuple[Window, ...]:
        """The windows of which nothing is left."""
        return tuple(each for each in self.windows if each.is_spent)

    @property
    def facts(self) -> tuple[str, ...]:
        """Each window in a line."""
        extra = ("Extra usage is paid for beyond the windows.",) if self.has_extra else ()
        at_once = (f"At most {self.at_once} requests at once",) if self.at_once else ()
        return (*(each.fact for each in self.windows), *at_once, *extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """What OpenRouter says of a key."""

    left: Decimal | None  # in USD; None: the key has no limit of its own
    limit: Decimal | None
    is_free_tier: bool

    @property
    def facts(self) -> tuple[str, ...]:
        """What may be spent by this key."""
        if self.left is None:
            return ("The key has no spending limit of its own.",)
        of = f" of {self.limit:,.2f}" if self.limit is not None else ""
        return (f"Left on the key's own limit: {self.left:,.2f}{of} USD",)


def balance_in(value: Any, currency: str) -> Balance | None:
    """Moonshot's or DeepSeek's answer on the balance; None if it cannot be read as one. Never raises.

    `currency` is that of the platform, for vendors that do not say it.
    """
    listed = _under(value, "balance_infos")
    if isinstance(listed, list):
        found = [balance for each in listed[:_MOST_WINDOWS] if (balance := _listed_balance(each)) is not None]
        # An account may hold several currencies, and is served while one of them holds something.
        return next((each for each in found if not each.is_spent), next(iter(found), None))
    amounts = _under(value, "data")
    available = number_in(_under(amounts, "available_balance"))
    if available is None:
        return None
    return Balance(
        available=available,
        currency=currency,
        voucher=number_in(_under(amounts, "voucher_balance")),
        cash=number_in(_under(amounts, "cash_balance")),
    )


def quota_in(value: Any) -> Quota | None:
    """The Kimi Code Plan's answer on its windows; None if it holds none. Never raises."""
    whole = _window(_under(value, "usage"), "This week")
    limits = _under(value, "limits")
    rest = [_limit(each) for each in (limits if isinstance(limits, list) else [])[:_MOST_WINDOWS]]
    windows = tuple(each for each in (whole, *rest) if each is not None)
    if not windows:
        return None
    left = number_in(_under(_under(_under(value, "boosterWallet"), "balance"), "amountLeft"))
    at_once = number_in(_under(_under(value, "parallel"), "limit"))
    return Quota(
        windows=windows,
        has_extra=left is not None and left > 0,
        at_once=int(at_once) if at_once is not None and 1 <= at_once <= 100_000 else None,
    )


def key_limits_in(value: Any) -> KeyLimits | None:
    """OpenRouter's answer on the key; None if it cannot be read as one. Never raises."""
    facts = _under(value, "data")
    if not isinstance(facts, Mapping):
        return None
    return KeyLimits(
        left=number_in(facts.get("limit_remaining")),
        limit=number_in(facts.get("limit")),
        is_free_tier=facts.get("is_free_tier") is True,
    )


def plan_in(value: Any) -> str:
    """The name and state of the plan in the Kimi Code Plan's answer on its member; empty if it says nothing."""
    told = [_under(value, key) for key in ("user_level_name", "status", "region")]
    words = [safe_words(each, 40) for each in told if isinstance(each, str) and each.strip()]
    return f"Plan: {', '.join(words)}" if words else ""


def number_in(value: Any) -> Decimal | None:
    """A finite number of a sensible size, also one written as text; None for all else. Never raises."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > 60:
        return None
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(value)
        is_sane = number.is_finite() and abs(number) <= _MOST
    except (DecimalException, ValueError):
        return None
    return number.quantize(Decimal("0.00001")).normalize() if is_sane else None


def _listed_balance(value: Any) -> Balance | None:
    available, currency = number_in(_under(value, "total_balance")), _under(value, "currency")
    if available is None:
        return None
    return Balance(
        available=available,
        currency=safe_words(currency, 8) if isinstance(currency, str) else "",
        voucher=number_in(_under(value, "granted_balance")),
        cash=number_in(_under(value, "topped_up_balance")),
    )


def _limit(value: Any) -> Window | None:
    """One of the windows beside the week; what it counts may stand in it or in its detail."""
    detail = _under(value, "detail")
    return _window(detail if isinstance(detail, Mapping) else value, _span(_under(value, "window")))


def _window(value: Any, name: str) -> Window | None:
    limit, used, left = (number_in(_under(value, key)) for key in ("limit", "used", "remaining"))
    if used is None and limit is not None and left is not None:
        used = limit - left  # as it was told before it was counted up
    if limit is None or used is None or limit <= 0:
        return None
    resets = next(_texts(value, _RESETS), "")
    return Window(name=name, used=used, limit=limit, resets_at=safe_words(resets, 60))


def _span(window: Any) -> str:
    """ "5 hours" for 300 minutes."""
    length, unit = number_in(_under(window, "duration")), _under(window, "timeUnit")
    named = str(unit).upper().removeprefix("TIME_UNIT_") if isinstance(unit, str) else ""
    if length is None or length <= 0 or named not in _UNITS:
        return "Window"
    word, minutes = _UNITS[named]
    total = length * minutes
    for larger in ("WEEK", "DAY", "HOUR"):
        each = _UNITS[larger][1]
        if minutes in (1, 60) and total >= each and total % each == 0:
            length, word = total / each, _UNITS[larger][0]
            break
    return f"{length:,f} {word}{'' if length == 1 else 's'}"


def _texts(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        text = _under(value, key)
        if isinstance(text, str) and text.strip():
            yield text


def _under(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None
