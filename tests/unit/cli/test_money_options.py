"""What `mesrai review` and `mesrai usage` take for money and for an estimate; nothing is run."""

from datetime import date
from decimal import Decimal

import click
import pytest
from click.testing import CliRunner

from mesrai.cli.day import Day
from mesrai.cli.main import cli
from mesrai.cli.money import Money


@pytest.mark.parametrize("amount", ["0", "-1", "abc", "", "NaN", "Infinity", "1e99", "0.0000000001", "1_0x"])
def test_an_amount_is_above_nothing_and_below_a_billion(amount: str) -> None:
    with pytest.raises(click.BadParameter, match="no amount"):
        Money().convert(amount, None, None)


@pytest.mark.parametrize(("amount", "value"), [("0.50", "0.50"), ("20", "20"), ("0.000000001", "1E-9")])
def test_an_amount_is_read_exactly(amount: str, value: str) -> None:
    assert Money().convert(amount, None, None) == Decimal(value)


def test_options_before_the_command_that_they_are_not_for_are_refused() -> None:
    result = CliRunner().invoke(cli, ["usage", "--json", "budget"])
    assert result.exit_code == 2
    assert "after the command" in result.output


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "30.11.2026"])
def test_a_day_is_refused_with_how_to_write_one(day: str) -> None:
    with pytest.raises(click.BadParameter, match="is no date; write it as 2026-11-30"):
        Day().convert(day, None, None)
    assert Day().convert("2026-11-30", None, None) == date(2026, 11, 30)


@pytest.mark.parametrize(
    "arguments",
    [
        ["review", "--estimate", "--offline"],
        ["review", "--estimate", "--format", "sarif"],
        ["review", "--estimate", "--agent"],
        ["review", "--estimate", "--format", "json", "--fields", "summary"],
        ["review", "--budget", "1", "--offline"],
        ["usage", "--json", "--csv"],
        ["usage", "--budget", "--csv"],
        ["usage", "--since", "2026-11-24", "--until", "2026-11-23"],
        ["usage", "--since", "yesterday"],
        ["usage", "budget", "--clear", "--month", "3"],
        ["usage", "budget", "--currency", "USD"],
        ["usage", "budget", "--month", "3", "--currency", "DOLLARS"],
        ["usage", "budget", "--month", "0"],
    ],
)
def test_what_does_not_go_together_is_wrong_usage(arguments: list[str]) -> None:
    ran = CliRunner().invoke(cli, arguments)
    assert ran.exit_code == 2, ran.output
    assert "Error: " in ran.output
