import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.domain.diff import Side
from mesrai.forges.forge import Annotation, Check, Conclusion, InlineComment, Verdict
from mesrai.forges.github.bodies import capped, check_bodies, comment_text, review_body, status_body

SHA = "a" * 40


def a_comment(**fields: Any) -> InlineComment:
    every: dict[str, Any] = {
        "path": "src/a.py", "side": Side.NEW, "first_line": 3, "last_line": 3, "body": "x <!-- mesrai:1 -->",
    }  # fmt: skip
    return InlineComment(**{**every, **fields})


def a_check(count: int = 0, conclusion: Conclusion | None = Conclusion.NEUTRAL) -> Check:
    annotation = Annotation(path="a.py", first_line=1, last_line=2, level="warning", title="T", message="M")
    return Check(sha=SHA, title="Two findings", summary="S", conclusion=conclusion, annotations=(annotation,) * count)


def test_comment_on_one_line_has_no_start() -> None:
    body = review_body(sha=SHA, verdict=Verdict.COMMENT, body="", comments=[a_comment()])

    assert body == {
        "commit_id": SHA,
        "event": "COMMENT",
        "body": "",
        "comments": [{"path": "src/a.py", "body": "x <!-- mesrai:1 -->", "line": 3, "side": "RIGHT"}],
    }


def test_comment_on_several_old_lines_starts_on_the_left() -> None:
    comment = a_comment(side=Side.OLD, first_line=2)
    body = review_body(sha=SHA, verdict=Verdict.REQUEST_CHANGES, body="b <!-- mesrai -->", comments=[comment])

    assert body["event"] == "REQUEST_CHANGES"
    assert body["comments"] == [
        {
            "path": "src/a.py",
            "body": "x <!-- mesrai:1 -->",
            "line": 3,
            "side": "LEFT",
            "start_line": 2,
            "start_side": "LEFT",
        }
    ]


@pytest.mark.parametrize(
    ("verdict", "body"),
    [(Verdict.COMMENT, ""), (Verdict.APPROVE, ""), (Verdict.REQUEST_CHANGES, "\n\n<!-- mesrai -->")],
)
def test_review_that_requests_changes_is_never_without_a_text(verdict: Verdict, body: str) -> None:
    assert review_body(sha=SHA, verdict=verdict, body=" ", comments=[])["body"].lstrip(" ") == body


def test_comment_without_our_mark_gets_it() -> None:
    assert comment_text("Hello") == "Hello\n\n<!-- mesrai -->"
    assert comment_text("Hello <!-- mesrai:v1 fp=2 -->") == "Hello <!-- mesrai:v1 fp=2 -->"


def test_annotations_go_fifty_a_call_and_only_the_last_call_concludes() -> None:
    bodies = check_bodies(a_check(101))

    assert [len(body["output"]["annotations"]) for body in bodies] == [50, 50, 1]
    assert [body["status"] for body in bodies] == ["in_progress", "in_progress", "completed"]
    assert [body.get("conclusion") for body in bodies] == [None, None, "neutral"]


def test_check_without_annotations_is_one_call() -> None:
    (body,) = check_bodies(a_check(0, Conclusion.SUCCESS))

    assert body == {
        "name": "Mesrai",
        "status": "completed",
        "conclusion": "success",
        "output": {"title": "Two findings", "summary": "S", "annotations": []},
    }


def test_check_that_runs_still_concludes_nothing() -> None:
    assert [body["status"] for body in check_bodies(a_check(60, None))] == ["in_progress", "in_progress"]


def test_annotation_is_kept_within_githubs_limits() -> None:
    annotation = Annotation(path="a", first_line=5, last_line=4, level="notice", title="t" * 300, message="é" * 40_000)
    (body,) = check_bodies(Check(sha=SHA, title="", summary="", annotations=(annotation,)))
    (sent,) = body["output"]["annotations"]

    assert (sent["start_line"], sent["end_line"]) == (5, 5)
    assert len(sent["title"]) == 255
    assert len(sent["message"].encode()) <= 64 * 1024


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        (None, "pending"),
        (Conclusion.SUCCESS, "success"),
        (Conclusion.NEUTRAL, "error"),
        (Conclusion.FAILURE, "failure"),
    ],
)
def test_status_is_green_for_success_only(conclusion: Conclusion | None, state: str) -> None:
    assert status_body(a_check(0, conclusion)) == {"state": state, "context": "Mesrai", "description": "Two findings"}


def test_description_of_a_status_is_one_short_line() -> None:
    body = status_body(Check(sha=SHA, title="a\nb " + "c" * 200, summary=""))

    assert body["description"].startswith("a b c")
    assert len(body["description"]) == 140


def test_text_that_fits_is_not_touched() -> None:
    assert capped("a" * 65_000) == "a" * 65_000


def test_long_text_is_cut_at_a_line_end_and_says_so_and_keeps_its_mark() -> None:
    text = "line of text\n" * 10_000 + "\n<!-- mesrai:v1 -->\n"
    cut = capped(text)

    assert len(cut) <= 65_000
    assert cut.endswith(
        "\nline of text\n\n*This text was longer than GitHub takes, and ends here.*\n\n<!-- mesrai:v1 -->"
    )


def test_open_fence_and_open_fold_are_closed() -> None:
    cut = capped("<details><summary>x</summary>\n\n````python\n```\n" + "code\n" * 20_000)

    assert "\ncode\n````\n\n</details>\n\n*This text" in cut


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(st.sampled_from(["```", "````py", "~~~", "text", "", "<details>", "</details>", "x" * 90])),
    most=st.integers(400, 900),
)
def test_cut_text_fits_and_leaves_no_fence_open(lines: list[str], most: int) -> None:
    whole = "\n".join(lines)
    cut = capped(whole, most)
    fence = ""
    for line in cut.splitlines():
        found = re.match(r"(`{3,}|~{3,})(.*)", line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2]:
            fence = ""
    assert len(cut) <= most
    assert cut == whole or not fence


@settings(max_examples=60, deadline=None)
@given(text=st.text(), count=st.integers(0, 3))
def test_every_body_is_json(text: str, count: int) -> None:
    annotation = Annotation(path=text, first_line=1, last_line=1, level="notice", title=text, message=text)
    check = Check(sha=SHA, title=text, summary=text, annotations=(annotation,) * count)

    assert json.dumps([*check_bodies(check), status_body(check)])
