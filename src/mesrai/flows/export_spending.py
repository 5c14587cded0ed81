"""What was spent, as a table for spreadsheets."""

import csv
import io
from typing import Final

from mesrai.flows.spend import Report
from mesrai.review.render.untrusted import shown_path

_COLUMNS: Final = (
    "reviews", "calls", "failed_calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens",
    "unpriced_calls",
)  # fmt: skip
# What makes a spreadsheet take a cell for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def spending_csv(report: Report) -> str:
    """The lines, without a total, and with a column of costs for each currency; no cell is taken for a formula."""
    currencies = sorted({currency for line in report.lines for currency in line.costs})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([str(report.by), *_COLUMNS, *(f"cost_{currency.lower()}" for currency in currencies)])
    for line in report.lines:
        counts = [line.reviews, line.calls, line.failures, line.input_tokens, line.cached_tokens, line.output_tokens]
        costs = [f"{line.costs[each]:f}" if each in line.costs else "" for each in currencies]
        writer.writerow([_safe_cell(line.key), *counts, line.reasoning_tokens, line.unpriced, *costs])
    return out.getvalue()


def _safe_cell(text: str) -> str:
    shown = shown_path(text, 1_000)
    return f"'{shown}" if text.lstrip().startswith(_FORMULA) else shown
