"""Request bodies for GitHub, made from the words of the product and kept within its limits. No I/O."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mesrai.domain.diff import Side
from mesrai.forges.forge import Annotation, Check, Conclusion, InlineComment, Verdict
from mesrai.forges.github.wire import OUR_MARK

MOST_ANNOTATIONS: Final = 50  # per call
CHECK_NAME: Final = "Mesrai"
OUR_RUN: Final = "mesrai:v1"  # by which a check run of ours is known again
_MOST_BODY: Final = 65_000  # GitHub refuses 65,536 characters and more
_MOST_SUMMARY: Final = 65_000
_MOST_MESSAGE: Final = 60_000  # of an annotation: 64 KB, counted in bytes
_MOST_TITLE: Final = 255
_MOST_DESCRIPTION: Final = 140  # of a commit status
_CUT: Final = "\n\n*This text was longer than GitHub takes, and ends here.*"
_FENCE: Final = re.compile(r"[ \t>]*(`{3,}|~{3,})(.*)")

_VERDICTS: Final = {
    Verdict.COMMENT: "COMMENT",
    Verdict.APPROVE: "APPROVE",
    Verdict.REQUEST_CHANGES: "REQUEST_CHANGES",
}
# A commit status knows no neutral: what is no success is not green.
_STATES: Final = {
    None: "pending",
    Conclusion.SUCCESS: "success",
    Conclusion.NEUTRAL: "error",
    Conclusion.FAILURE: "failure",
}


def comment_text(body: str) -> str:
    """The text of a comment within GitHub's limit, with OUR_MARK, which a person's token needs to know ours by."""
    return capped(body if OUR_MARK in body else f"{body}\n\n{OUR_MARK} -->")


def capped(body: str, most: int = _MOST_BODY) -> str:
    """The text if it fits, else its beginning up to a line end, with what is open closed, and a word that it was cut.

    A last line that is hidden text is kept, since comments are known again by it.
    """
    if len(body) <= most:
        return body
    last = body.rstrip().rsplit("\n", 1)[-1]
    kept_line = f"\n\n{last}" if last.startswith("<!--") and last.endswith("-->") and len(last) < most // 4 else ""
    room = most - len(_CUT) - len(kept_line) - 200  # for closing
    begin = body[: max(room, 0)]
    if "\n" in begin:
        begin = begin[: begin.rfind("\n")]
    return (begin + _closing(begin) + _CUT + kept_line)[:most]


def review_body(*, sha: str, verdict: Verdict, body: str, comments: Sequence[InlineComment]) -> Mapping[str, Any]:
    """Of a review, for `POST pulls/N/reviews`. Only one that requests changes must have a text."""
    is_bare = not body.strip() and verdict is not Verdict.REQUEST_CHANGES
    return {
        "commit_id": sha,
        "event": _VERDICTS[verdict],
        "body": "" if is_bare else comment_text(body),
        "comments": [_inline(comment) for comment in comments],
    }


def review_comment_body(comment: InlineComment, *, sha: str) -> Mapping[str, Any]:
    """Of one comment on lines, for `POST pulls/N/comments`."""
    return {"commit_id": sha, **_inline(comment)}


def check_bodies(check: Check) -> Sequence[Mapping[str, Any]]:
    """Of a check run, one body a call: only the last one concludes, so that none looks done before it is."""
    groups = [
        check.annotations[at : at + MOST_ANNOTATIONS] for at in range(0, len(check.annotations), MOST_ANNOTATIONS)
    ] or [()]
    return [_check_body(check, group, is_last=group is groups[-1]) for group in groups]


def status_body(check: Check) -> Mapping[str, Any]:
    """Of a commit status, which says less than a check run."""
    return {
        "state": _STATES[check.conclusion],
        "context": CHECK_NAME,
        "description": _shortened(check.title, _MOST_DESCRIPTION),
    }


def _inline(comment: InlineComment) -> dict[str, Any]:
    side = "RIGHT" if comment.side is Side.NEW else "LEFT"
    body: dict[str, Any] = {
        "path": comment.path,
        "body": comment_text(comment.body),
        "line": comment.last_line,
        "side": side,
    }
    if comment.first_line < comment.last_line:  # equal ones are refused: "must precede the end line"
        body |= {"start_line": comment.first_line, "start_side": side}
    return body


def _check_body(check: Check, annotations: Sequence[Annotation], *, is_last: bool) -> Mapping[str, Any]:
    output = {
        "title": _shortened(check.title, _MOST_TITLE),
        "summary": capped(check.summary, _MOST_SUMMARY),
        "annotations": [annotation_body(each) for each in annotations],
    }
    body: dict[str, Any] = {"name": CHECK_NAME, "output": output}
    if check.conclusion is not None and is_last:
        return body | {"status": "completed", "conclusion": check.conclusion.value}
    return body | {"status": "in_progress"}


def annotation_body(annotation: Annotation) -> Mapping[str, Any]:
    """Of one annotation of a check run, within GitHub's limits."""
    message = annotation.message.encode()[:_MOST_MESSAGE].decode("utf-8", "ignore")
    return {
        "path": annotation.path,
        "start_line": annotation.first_line,
        "end_line": max(annotation.first_line, annotation.last_line),
        "annotation_level": annotation.level,
        "title": _shortened(annotation.title, _MOST_TITLE),
        "message": message or annotation.title or "-",  # an empty one is refused
    }


def _shortened(line: str, most: int) -> str:
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _closing(begin: str) -> str:
    """What closes the code fence and the folded parts that are open at the end of `begin`."""
    fence = ""
    folds = 0
    for line in begin.splitlines():
        found = _FENCE.match(line)
        if not fence:
            folds = max(0, folds + line.count("<details") - line.count("</details>"))
            fence = found[1] if found else ""
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return (f"\n{fence[:80]}" if fence else "") + "\n\n</details>" * min(folds, 5)
