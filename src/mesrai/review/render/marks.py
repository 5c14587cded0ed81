"""Hidden marks in what we write on a forge, by which it is known again. They count only in comments of our own."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.finding import Severity

_FINDING: Final = re.compile(r"\A\s*<!-- mesrai:v1 fp=([0-9a-f-]{1,40}) severity=([a-z]+) -->")
_SUMMARY: Final = re.compile(r"\A\s*<!-- mesrai:v1 summary -->\s*")
_FINGERPRINT: Final = re.compile(r"[0-9a-f-]{1,40}")
_ITEM: Final = re.compile(
    r"<!-- mesrai:v1 item=([0-9a-f-]{1,40}) severity=([a-z]+)( refused)? -->\s*(.*?)\s*<!-- mesrai:v1 item-end -->",
    re.DOTALL,
)
_ANSWER: Final = re.compile(r"<!-- mesrai:v1 re=(\d{1,20})(?: ([a-z]{1,20}))?(?: at=(\d{1,15}))? -->\s*\Z")
_REVIEWED: Final = re.compile(r"<!-- mesrai:v1 reviewed=([0-9a-f]{40}(?:[0-9a-f]{24})?) seal=([0-9a-f]{64}) -->\s*\Z")
_MESSAGE: Final = re.compile(r"\A\s*<!-- mesrai:v1 message=(start|end) head=([0-9a-f]{4,64}) -->")
ANY_MARK: Final = "<!-- mesrai"  # begins every mark, also those a forge's client puts on our other comments
SUMMARY_MARK: Final = "<!-- mesrai:v1 summary -->"
STATE_END: Final = "<!-- mesrai:v1 state-end -->"
RESOLVED: Final = "resolved"  # notes an answer that says that a thread was settled because somebody asked for it
FIXED_MARK: Final = "<!-- mesrai:v1 fixed -->"
REVIEW_MARK: Final = "<!-- mesrai:v1 review -->"
DESCRIPTION_BEGIN: Final = "<!-- mesrai:v1 description -->"
DESCRIPTION_END: Final = "<!-- mesrai:v1 description-end -->"
AUTHOR_BEGIN: Final = "<!-- mesrai:v1 author -->"  # around what the author wrote, inside our part
AUTHOR_END: Final = "<!-- mesrai:v1 author-end -->"
_ITEM_END: Final = "<!-- mesrai:v1 item-end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A finding told in full in the summary, because it stands on no line."""

    fingerprint: str
    severity: Severity
    text: str  # markdown of ours
    is_refused: bool = False  # the forge takes no comment on its lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Which comment an answer of ours is about."""

    comment: int
    note: str = ""  # one word, where the answer is not the usual one
    at: float = 0.0  # seconds since the epoch; 0: not known


def mark_id(fingerprint: str) -> str:
    """A fingerprint as it stands in a mark."""
    if _FINGERPRINT.fullmatch(fingerprint):
        return fingerprint
    return hashlib.sha256(fingerprint.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def finding_mark(fingerprint: str, severity: Severity) -> str:
    """The line that begins a comment about a finding."""
    return f"<!-- mesrai:v1 fp={mark_id(fingerprint)} severity={severity} -->"


def read_finding_mark(body: str) -> tuple[str, Severity] | None:
    """The finding a comment of ours is about; only its beginning counts, since the rest may quote anything."""
    found = _FINDING.match(body)
    return (found[1], _severity(found[2])) if found else None


def answer_mark(comment: int, *, note: str = "", at: float = 0.0) -> str:
    """The line that ends an answer to a comment; `note` is one word of small letters."""
    return f"<!-- mesrai:v1 re={comment}{f' {note}' if note else ''}{f' at={at:.0f}' if at else ''} -->"


def read_answer_mark(body: str) -> Answered | None:
    """What a comment of ours answers; only its end counts, since the rest may quote anything."""
    found = _ANSWER.search(body[-200:])
    return Answered(comment=int(found[1]), note=found[2] or "", at=float(found[3] or 0)) if found else None


def reviewed_mark(sha: str, seal: str) -> str:
    """The line that ends a summary: the last commit up to which all was reviewed, and the proof that we say so."""
    return f"<!-- mesrai:v1 reviewed={sha} seal={seal} -->"


def read_reviewed_mark(body: str) -> tuple[str, str] | None:
    """The commit and the seal that end a summary, which only its seal proves; None if there are none."""
    found = _REVIEWED.search(body[-300:])
    return (found[1], found[2]) if found else None


def message_mark(kind: str, head: str) -> str:
    """The line that begins a message of the owners, at the `start` or `end` of the review of a commit."""
    return f"<!-- mesrai:v1 message={kind} head={head} -->"


def read_message_mark(body: str) -> tuple[str, str] | None:
    """Which message of the owners a comment of ours is, and the commit that was reviewed."""
    found = _MESSAGE.match(body)
    return (found[1], found[2]) if found else None


def without_mark(body: str) -> str:
    """A comment's text after its mark."""
    return _SUMMARY.sub("", _FINDING.sub("", body)).lstrip()


def is_summary(body: str) -> bool:
    """Whether a comment of ours is the summary."""
    return _SUMMARY.match(body) is not None


def item_text(item: Item) -> str:
    """An item between its marks."""
    refused = " refused" if item.is_refused else ""
    mark = f"<!-- mesrai:v1 item={mark_id(item.fingerprint)} severity={item.severity}{refused} -->"
    return f"{mark}\n{item.text}\n\n{_ITEM_END}"


def read_items(body: str) -> Sequence[Item]:
    """The items of a summary of ours."""
    return [
        Item(
            fingerprint=found[1],
            severity=_severity(found[2]),
            text=found[4].strip(),
            is_refused=found[3] is not None,
        )
        for found in _ITEM.finditer(body)
    ]


def _severity(word: str) -> Severity:
    return Severity(word) if word in list(Severity) else Severity.MEDIUM
