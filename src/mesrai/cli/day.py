"""A day, as an option of the command line takes it."""

from datetime import date
from typing import Any

import click


class Day(click.ParamType[date]):
    """A date such as 2026-11-30."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date; anything else is refused with how to write one."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            return self.fail(f"{value!r} is no date; write it as 2026-11-30.", param, ctx)
