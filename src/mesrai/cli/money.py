"""An amount of money on the command line."""

from decimal import Decimal, InvalidOperation
from typing import Final

import click

_MOST: Final = Decimal(1_000_000_000)
_DIGITS: Final = -9  # after the point: billionths are what is stored


class Money(click.ParamType[Decimal]):
    """A positive amount with a point and without a currency."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The amount. Errors: click.BadParameter."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is no amount; write it as 0.50, without a currency.", param, ctx)
        exponent = amount.as_tuple().exponent
        if not amount.is_finite() or not 0 < amount <= _MOST or not isinstance(exponent, int) or exponent < _DIGITS:
            self.fail(f"{value!r} is no amount above 0 with at most nine digits after the point.", param, ctx)
        return amount
