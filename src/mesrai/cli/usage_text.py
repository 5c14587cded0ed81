"""What was spent as a table and as JSON."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from mesrai.domain.budget import Budget, money_text
from mesrai.flows.spend import By, Report, Spent, Standing
from mesrai.review.render.look import Look
from mesrai.review.render.untrusted import shown_path
from mesrai.review.render.wording import tokens_text

_HEADS: Final = ("cost", "reviews", "calls", "failed", "tokens in", "cached", "out")  # what counts most comes first
_NARROWEST_KEY: Final = 16


NOT_RECORDED: Final = (
    "Nothing is recorded. What reviews cost is kept from the first saved connection or budget on: "
    "mesrai byok connect, or mesrai usage budget --month 20.\n"
)


def usage_table(report: Report, standing: Standing | None, look: Look) -> str:
    """A table with a line for each key, and the total where there are several."""
    from mesrai.review.render.sheet import Sheet

    sheet = Sheet(look)
    if report.total is None:
        sheet.prose(("Nothing was spent.", ""))
    else:
        rows = _rows(report, report.total, sheet.width)
        for at, row in enumerate(rows):
            is_total = at == len(rows) - 1 and at > 1
            sheet.line((row, "dim" if at == 0 else "bold" if is_total else ""))
        if report.total.unpriced:
            sheet.gap()
            sheet.prose((_unpriced(report.total), "dim"))
    if standing is not None:
        sheet.gap()
        sheet.prose((budget_text(standing), ""))
    return sheet.text()


def usage_json(report: Report, chosen: dict[str, Any], standing: Standing | None) -> str:
    """All of it as one document; money as numbers, by currency."""
    document = {
        **chosen,
        "by": str(report.by),
        "lines": [_plain(each) for each in report.lines],
        "total": _plain(report.total) if report.total else None,
        "budget": standing_json(standing),
    }
    return json_text(document)


def budget_text(standing: Standing | None) -> str:
    """The budget and what is used of it, in a sentence or two."""
    if standing is None:
        return "No budget is set. Set one with: mesrai usage budget --month 20 --review 0.5 --currency USD"
    budget = standing.budget
    spent = money_text(standing.spent, budget.currency)
    if budget.month is None:
        sentences = [f"Spent in {standing.month}: {spent}, and there is no limit for a month."]
    else:
        month = money_text(budget.month, budget.currency)
        sentences = [f"Spent in {standing.month}: {spent} of {month} ({standing.share:.0f} %)."]
    if standing.reserved:
        sentences.append(f"Up to {money_text(standing.reserved, budget.currency)} is reserved by reviews that run now.")
    if budget.review is not None:
        sentences.append(f"One review may cost up to {money_text(budget.review, budget.currency)}.")
    return " ".join(sentences)


def limits_text(budget: Budget) -> str:
    """The limits alone."""
    limits = [(budget.month, "a month"), (budget.review, "a review")]
    return " and ".join(f"{money_text(each, budget.currency)} {name}" for each, name in limits if each is not None)


def standing_json(standing: Standing | None) -> dict[str, Any] | None:
    """The budget for programs; None if there is none."""
    if standing is None:
        return None
    budget = standing.budget
    return {
        "currency": budget.currency,
        "month_limit": None if budget.month is None else float(budget.month),
        "review_limit": None if budget.review is None else float(budget.review),
        "month": standing.month,
        "spent": float(standing.spent),
        "reserved": float(standing.reserved),
    }


def json_text(document: object) -> str:
    """A document in ASCII, so that nothing in it can act on a terminal."""
    return json.dumps(document, indent=2) + "\n"


def _rows(report: Report, total: Spent, width: int) -> list[str]:
    """Head, lines, and the total where there are several lines, with their columns below each other."""
    table = [_HEADS, *(_cells(each) for each in report.lines)]
    keys = [str(report.by), *(_key(each, report.by) for each in report.lines)]
    if len(report.lines) > 1:
        table.append(_cells(total))
        keys.append("total")
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADS))]
    room = max(width - sum(widths) - 2 * len(widths), _NARROWEST_KEY)
    keys = [shown_path(key, room) for key in keys]
    longest = max(map(len, keys))
    return [
        "  ".join([key.ljust(longest), *(cell.rjust(widths[at]) for at, cell in enumerate(row))])
        for key, row in zip(keys, table, strict=True)
    ]


def _cells(line: Spent) -> tuple[str, ...]:
    share = f"{line.cached_tokens / line.input_tokens:.0%}" if line.input_tokens else "-"
    return (
        " + ".join(money_text(cost, currency) for currency, cost in line.costs.items()) or "-",
        f"{line.reviews:,}",
        f"{line.calls:,}",
        f"{line.failures:,}" if line.failures else "-",
        tokens_text(line.input_tokens),
        share,
        tokens_text(line.output_tokens),
    )


def _key(line: Spent, by: By) -> str:
    if not line.key:
        return "(nobody known)" if by is By.AUTHOR else "(tests of connections)"
    if by is By.REVIEW:
        return f"{_when(line.last_at)[:16].replace('T', ' ')} {line.repository} {line.key[:8]}"
    return line.key


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _unpriced(total: Spent) -> str:
    calls = "One call has" if total.unpriced == 1 else f"{total.unpriced:,} calls have"
    return f"{calls} no price per token: a subscription, your own machine, or a model whose price is not known."


def _plain(line: Spent) -> dict[str, Any]:
    return {
        "key": line.key,
        "reviews": line.reviews,
        "calls": line.calls,
        "failed_calls": line.failures,
        "input_tokens": line.input_tokens,
        "cached_tokens": line.cached_tokens,
        "output_tokens": line.output_tokens,
        "reasoning_tokens": line.reasoning_tokens,
        "cached_share": round(line.cached_tokens / line.input_tokens, 4) if line.input_tokens else None,
        "costs": {currency: float(cost) for currency, cost in line.costs.items()},
        "unpriced_calls": line.unpriced,
        "last_at": _when(line.last_at),
    }
