"""A model's answer, read strictly: JSON of the agreed shape, or an error that says what is wrong with it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

from mesrai.domain.finding import Category, Severity

_SEVERITIES = {
    "blocker": "critical", "error": "high", "major": "high", "important": "high", "warning": "medium",
    "moderate": "medium", "minor": "low", "info": "low", "nit": "low",
}  # fmt: skip
_FENCE = re.compile(r"```[a-zA-Z0-9]*\s*\n(.*?)\n?```", re.DOTALL)
_TITLE = 160
_PROSE = 6_000
_STATEMENT = 500
_MOST_REMEMBERED = 3
_NO_LINE = 1_000_000_000  # no file has so many


class AnswerMisshapen(ValueError):
    """The answer does not have the agreed shape; the message says where, for the model to repair it.

    `partial` is what of it can be used if the repair is no better; None if nothing can.
    """

    def __init__(self, message: str, *, partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFinding:
    """A finding as the model put it, of the right types but not yet proven."""

    path: str
    line: int | None
    quote: str
    evidence: str
    title: str
    body: str
    category: str
    severity: str
    confidence: float
    replacement: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAnswer:
    """What the model says about a batch."""

    summary: str
    notes: tuple[tuple[str, str], ...]  # path and what the change does there
    findings: tuple[RawFinding, ...]
    missing: tuple[str, ...] = ()  # the files it does not speak of: they were not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the second look says about one finding."""

    number: int  # 1-based
    is_confirmed: bool
    evidence: str
    severity: Severity | None
    confidence: float
    is_fix_wrong: bool = False  # the proposed replacement must not be offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """A lasting convention that somebody stated."""

    quote: str  # their own words
    statement: str  # on its own, as the model puts it


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkAnswer:
    """What the model says to somebody who spoke to us."""

    reply: str  # markdown
    concedes: bool = False  # the finding they speak of does not hold
    remember: tuple[Convention, ...] = ()


def read_review_answer(text: str, paths: Sequence[str]) -> ReviewAnswer:
    """The answer about the files of a batch. Errors: AnswerMisshapen, also if it does not speak of each file."""
    answer = object_in(text, "findings")
    findings = tuple(_finding(each, f"findings[{at}]") for at, each in enumerate(_list(answer, "findings")))
    notes = tuple(
        (_text(each, "path", f"files[{at}]").strip(), _note(each)[:400])
        for at, each in enumerate(_dicts(_list(answer, "files"), "files"))
    )
    spoken_of = {path for path, _ in notes} | {finding.path for finding in findings}
    missing = tuple(path for path in paths if path not in spoken_of)
    summary = _text(answer, "summary", "the answer")[:_PROSE]
    read = ReviewAnswer(summary=summary, notes=notes, findings=findings, missing=missing)
    if missing:
        told = f"`files` has no entry for: {', '.join(missing[:50])}. Review these files too"
        raise AnswerMisshapen(told, partial=read if len(missing) < len(paths) else None)
    return read


def read_verdicts(text: str, count: int) -> tuple[Verdict, ...]:
    """The verdicts on findings 1 to `count`, each at most once. Errors: AnswerMisshapen."""
    answer = object_in(text, "verdicts")
    given: dict[int, Verdict] = {}
    for at, each in enumerate(_dicts(_list(answer, "verdicts"), "verdicts")):
        verdict = _verdict(each, f"verdicts[{at}]")
        if verdict.number in given:
            raise AnswerMisshapen(f"verdicts[{at}]: finding {verdict.number} has two verdicts")
        if 1 <= verdict.number <= count:
            given[verdict.number] = verdict
    missing = [str(number) for number in range(1, count + 1) if number not in given]
    if missing:
        raise AnswerMisshapen(f"`verdicts` has none for finding {', '.join(missing)}")
    return tuple(given[number] for number in sorted(given))


def read_talk_answer(text: str, said: str) -> TalkAnswer:
    """The reply to what somebody said. Errors: AnswerMisshapen.

    What is to be remembered must be proven by a quotation of their own words: nothing else may teach us anything.
    """
    answer = object_in(text, "reply")
    reply = _text(answer, "reply", "the answer").strip()
    if not reply:
        raise AnswerMisshapen("`reply` must not be empty")
    concedes = answer.get("concedes")
    if not isinstance(concedes, bool):
        raise AnswerMisshapen("`concedes` must be true or false")
    read = TalkAnswer(reply=reply[:_PROSE], concedes=concedes)
    remember: list[Convention] = []
    for at, each in enumerate(_dicts(_list(answer, "remember"), "remember")):
        quote, statement = (" ".join(_text(each, key, f"remember[{at}]").split()) for key in ("quote", "statement"))
        if not quote or quote.casefold() not in " ".join(said.split()).casefold():
            told = f"remember[{at}].quote must be copied from what the person wrote to you; leave the entry out if not"
            raise AnswerMisshapen(told, partial=read)
        if not statement:
            raise AnswerMisshapen(f"remember[{at}].statement must not be empty", partial=read)
        remember.append(Convention(quote=quote[:_STATEMENT], statement=statement[:_STATEMENT]))
    return replace(read, remember=tuple(dict.fromkeys(remember))[:_MOST_REMEMBERED])


def _finding(value: Any, at: str) -> RawFinding:
    if not isinstance(value, dict):
        raise AnswerMisshapen(f"{at} must be an object")
    severity = _text(value, "severity", at).strip().lower()
    severity = _SEVERITIES.get(severity, severity)
    if severity not in list(Severity):
        raise AnswerMisshapen(f"{at}.severity must be one of {', '.join(Severity)}")
    category = _text(value, "category", at).strip().lower().replace(" ", "_").replace("-", "_")
    if category not in list(Category):
        raise AnswerMisshapen(f"{at}.category must be one of {', '.join(Category)}")
    replacement = value.get("replacement")
    if replacement is not None and not isinstance(replacement, str):
        raise AnswerMisshapen(f"{at}.replacement must be a string or null")
    title = " ".join(_text(value, "title", at).split())
    if not title:
        raise AnswerMisshapen(f"{at}.title must not be empty")
    return RawFinding(
        path=_text(value, "path", at).strip(),
        line=_line(value.get("line")),
        quote=_text(value, "quote", at),
        evidence=_text(value, "evidence", at)[:_PROSE],
        title=title[:_TITLE],
        body=_text(value, "body", at)[:_PROSE],
        category=category,
        severity=severity,
        confidence=_share(value.get("confidence"), f"{at}.confidence"),
        replacement=replacement,
    )


def _note(value: dict[str, Any]) -> str:
    """What is said of a file; nothing depends on it, so its name and its absence do not matter."""
    return next((found for key in ("note", "summary", "description") if isinstance(found := value.get(key), str)), "")


def _verdict(value: dict[str, Any], at: str) -> Verdict:
    number = value.get("number")
    if not isinstance(number, int) or isinstance(number, bool):
        raise AnswerMisshapen(f"{at}.number must be an integer")
    word = _text(value, "verdict", at).strip().lower()
    if word not in ("confirmed", "refuted"):
        raise AnswerMisshapen(f"{at}.verdict must be confirmed or refuted")
    severity = str(value.get("severity") or "").strip().lower()
    severity = _SEVERITIES.get(severity, severity)
    return Verdict(
        number=number,
        is_confirmed=word == "confirmed",
        evidence=_text(value, "evidence", at)[:_PROSE],
        severity=Severity(severity) if severity in list(Severity) else None,
        confidence=_share(value.get("confidence"), f"{at}.confidence"),
        is_fix_wrong=str(value.get("replacement") or "").strip().lower() == "wrong",
    )


def object_in(text: str, key: str) -> dict[str, Any]:
    """The JSON object in the text that has `key`: the whole text, a fenced block, or the outermost braces."""
    problem = "the answer holds no JSON object"
    for piece in _pieces(text):
        try:
            value = json.loads(piece, strict=False)
        except (ValueError, RecursionError) as error:
            problem = f"the answer is not valid JSON: {str(error)[:150]}"
            continue
        if isinstance(value, dict) and key in value:
            return value
        problem = f"the answer must be a JSON object with the key `{key}`"
    raise AnswerMisshapen(problem)


def _pieces(text: str) -> Iterator[str]:
    yield text.strip()
    for found in _FENCE.finditer(text):
        yield found.group(1)
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        yield text[start : end + 1]


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise AnswerMisshapen(f"`{key}` must be a list")
    return found


def _dicts(values: list[Any], at: str) -> Iterator[dict[str, Any]]:
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise AnswerMisshapen(f"{at}[{index}] must be an object")
        yield value


def _text(value: dict[str, Any], key: str, at: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise AnswerMisshapen(f"{at}: `{key}` must be a string")
    return found


def _line(value: Any) -> int | None:
    """A hint only: whatever is no positive integer of a sane size is no hint."""
    if isinstance(value, str) and re.fullmatch(r"\s{0,9}[0-9]{1,9}\s{0,9}", value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _NO_LINE else None


def _share(value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AnswerMisshapen(f"{at} must be a number from 0 to 1")
    if isinstance(value, float) and isnan(value):
        return 0.0
    share = value / 100 if 1 < value <= 100 else min(max(value, 0), 1)  # before it is a float: it may be too large
    return float(share)
