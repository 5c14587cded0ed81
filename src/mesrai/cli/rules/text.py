"""Rules as a table, as a sheet and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

from mesrai.cli.rules.finding import Listed
from mesrai.cli.usage_text import json_text
from mesrai.domain.policy import Rule
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.untrusted import one_line, shown_path

NOTHING: Final = "There is no rule. Write one with: mesrai rules create --title TITLE --rule TEXT"
_MOST_REACH: Final = 30


def rules_table(found: Sequence[Listed], notices: Sequence[str], look: Look) -> str:
    """One line for each, and the files that could not be used."""
    sheet = Sheet(look)
    if not found:
        sheet.prose((NOTHING, ""))
    rows = [_row(each) for each in found]
    heads = ("severity", "scope", "holds for", "state")
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(4)]
    if found:
        sheet.line(
            ("  ".join(f"{head:<{width}}" for head, width in zip(heads, widths, strict=True)) + "  title", "dim")
        )
    for each, row in zip(found, rows, strict=True):
        begin = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sheet.line((f"{begin}  {one_line(each.rule.title, 200)}", "dim" if each.unused else ""))
        sheet.line((shown_path(each.rule.origin), "dim"), indent=sum(widths) + 8)
    for notice in notices:
        sheet.prose((one_line(notice, 500), "yellow"))
    return sheet.text()


def rule_sheet(rule: Rule, told: str, look: Look) -> str:
    """All of one; `told` is what was done, or why it is not checked."""
    sheet = Sheet(look)
    sheet.prose((one_line(rule.title, 200), "bold"), (f" ({rule.severity}, {_scope(rule)}):", ""))
    sheet.markdown(rule.rule, indent=2)
    sheet.gap()
    for name, values in _reach(rule):
        sheet.prose((f"{name}: ", "dim"), (", ".join(one_line(value, 200) for value in values), ""))
    for example in rule.examples:
        sheet.gap()
        sheet.prose(("Good:" if example.is_correct else "Bad:", "green" if example.is_correct else "red"))
        for line in example.snippet.split("\n"):
            sheet.line((line, "cyan"), indent=2)
    sheet.gap()
    sheet.prose((shown_path(rule.origin), "dim"))
    if told:
        sheet.prose((told, ""))
    return sheet.text()


def rules_json(found: Sequence[Listed], notices: Sequence[str]) -> str:
    """All of them as one document."""
    rules = [{**plain_rule(each.rule), "level": str(each.level), "unused": each.unused or None} for each in found]
    return json_text({"rules": rules, "notices": list(notices)})


def rule_json(rule: Rule) -> str:
    """One as a document."""
    return json_text({"rule": plain_rule(rule)})


def plain_rule(rule: Rule) -> dict[str, Any]:
    """Every field, by the names of the files."""
    return {
        "title": rule.title,
        "rule": rule.rule,
        "severity": str(rule.severity),
        "scope": str(rule.scope),
        "path": list(rule.paths),
        "languages": list(rule.languages),
        "buckets": list(rule.buckets),
        "examples": [{"snippet": each.snippet, "isCorrect": each.is_correct} for each in rule.examples],
        "uuid": rule.uuid or None,
        "enabled": rule.is_enabled,
        "inheritance": {
            "inheritable": rule.is_inheritable,
            "exclude": list(rule.exclude),
            "include": list(rule.include),
        },
        "origin": rule.origin,
    }


def _row(each: Listed) -> tuple[str, str, str, str]:
    rule = each.rule
    reach = ", ".join((*rule.paths, *rule.languages)) or "everything"
    return str(rule.severity), _scope(rule), shown_path(reach, _MOST_REACH), each.unused or str(each.level)


def _scope(rule: Rule) -> str:
    return str(rule.scope).replace("_", " ")


def _reach(rule: Rule) -> list[tuple[str, tuple[str, ...]]]:
    named = [
        ("Paths", rule.paths),
        ("Languages", rule.languages),
        ("Labels", rule.buckets),
        ("Not taken over by", rule.exclude),
        ("Taken over by", rule.include),
        ("Uuid", (rule.uuid,) if rule.uuid else ()),
        ("Taken over by", () if rule.is_inheritable else ("none of the levels below",)),
    ]
    return [(name, values) for name, values in named if values]
