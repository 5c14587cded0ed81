"""How much may be spent, and whether one more request still fits: rules without a clock and without a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

from mesrai.domain.usage import Usage
from mesrai.errors import SettingsError

WARN_AT: Final = (50, 75, 90)  # percent of the month's budget
_NANOS: Final = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that may be spent, in one currency. None: no limit."""

    currency: str  # ISO code
    review: Decimal | None = None  # of one review
    month: Decimal | None = None  # of the organisation in one calendar month, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """Who spends: every request is recorded under these names."""

    organisation: str
    repository: str  # empty: the test of a connection
    review: str  # unique for each run; empty: the test of a connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One HTTP request that is about to be sent to a model."""

    provider: str
    model: str
    most: Decimal | None  # the most it may cost; None: it costs nothing by the token, or nobody knows
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a request really cost."""

    asked: Asked
    usage: Usage  # no calls: it was never sent
    is_failed: bool  # it gave no usable answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """How a connected model is paid for."""

    name: str  # of the model, for people
    currency: str = ""  # of its price; empty: no price is known
    is_free: bool = False  # by the token: a subscription, or the user's own machine


class Fit(StrEnum):
    """Whether a request may be sent."""

    FITS = "fits"
    WAIT = "wait"  # it will fit if what is reserved costs less than its worst case
    SPENT = "spent"


def fit(limit: int, *, spent: int, reserved: int, wanted: int) -> Fit:
    """Whether `wanted` fits under `limit` beside what is spent and reserved. All in nanos."""
    if spent + reserved + wanted <= limit:
        return Fit.FITS
    return Fit.WAIT if reserved and spent + wanted <= limit else Fit.SPENT


def crossed(limit: int, *, before: int, after: int) -> int | None:
    """The highest share of WARN_AT that spending just reached; None if it reached none. All in nanos."""
    reached = [share for share in WARN_AT if before * 100 < limit * share <= after * 100]
    return max(reached, default=None)


def month_of(seconds: float) -> tuple[float, float]:
    """The first moment of the calendar month (UTC) that holds this time, and of the month after it."""
    start = datetime.fromtimestamp(seconds, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start.timestamp(), after.timestamp()


def nanos_of(amount: Decimal) -> int:
    """Money in billionths, rounded half to even, for what was spent."""
    return int((amount * _NANOS).to_integral_value(ROUND_HALF_EVEN))


def most_nanos_of(amount: Decimal) -> int:
    """Money in billionths, rounded up, for what is reserved."""
    return int((amount * _NANOS).to_integral_value(ROUND_CEILING))


def amount_of(nanos: int) -> Decimal:
    """Billionths as money, exactly and without trailing zeros."""
    amount = (Decimal(nanos) / _NANOS).normalize()
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount


def money_text(amount: Decimal, currency: str) -> str:
    """Money for people: two decimals, or four for less than one."""
    digits = 2 if amount >= 1 or not amount or amount == amount.quantize(Decimal("0.01")) else 4
    return f"{amount:.{digits}f} {currency}".strip()


def spent_words(budget: str, spent: Decimal, asked: Asked) -> str:
    """Why a request is not sent. `budget` names the budget and its amount."""
    most = money_text(asked.most or Decimal(0), asked.currency)
    return (
        f"{budget}, allows no further question: {money_text(spent, asked.currency)} is spent, "
        f"and the next question may cost up to {most}."
    )


def budget_currency(tariffs: Sequence[Tariff]) -> str:
    """The one currency in which the connected models are paid; empty if none of them costs anything by the token.

    Errors: SettingsError where no price is known, or where they are paid in several: a budget cannot be kept then.
    """
    paid = [each for each in tariffs if not each.is_free]
    for each in paid:
        if not each.currency:
            raise SettingsError(
                f"A budget cannot be kept for {each.name}: its price is not known. Give its price in a catalogue file "
                "of your own (docs/catalogue.md), or remove the budget."
            )
    found = {each.currency: each.name for each in paid}
    if len(found) > 1:
        named = " and ".join(f"{name} in {currency}" for currency, name in found.items())
        raise SettingsError(f"A budget is kept in one currency, and the connected models are paid in several: {named}.")
    return next(iter(found), "")


def check_budget(budget: Budget, tariffs: Sequence[Tariff]) -> None:
    """Errors: SettingsError if what the connected models cost cannot be counted against the budget."""
    currency = budget_currency(tariffs)
    if currency and currency != budget.currency:
        name = next(each.name for each in tariffs if each.currency == currency)
        raise SettingsError(
            f"The budget is in {budget.currency}, but {name} is paid in {currency}. "
            f"Set it in {currency}: mesrai usage budget --currency {currency} …"
        )
