from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.forges.github.scripted import SHA, Asked, Says, Script, ScriptedGitHub, talk

from mesrai.domain.diff import Side
from mesrai.errors import ForgeRateLimited, ForgeRejected, ForgeUnavailable
from mesrai.forges.forge import InlineComment, Posted, Verdict

PULL = "/repos/acme/shop/pulls/2"
BAD = Says(status=422, body={"message": "Unprocessable Entity", "errors": ["Line could not be resolved"]})
NO_REVIEW = Says(status=201, body={"id": 1})


@dataclass(kw_only=True)
class PullRequest:
    """What GitHub does with reviews: all of one or nothing, with no word on which comment is bad."""

    bad_lines: frozenset[int] = frozenset()
    is_own: bool = False
    reviews: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def script(self) -> Script:
        script: dict[str, Any] = {f"POST {PULL}/reviews": self.review, f"POST {PULL}/comments": self.comment}
        for id_ in range(1, 9):
            script[f"GET {PULL}/reviews/{id_}/comments"] = self.comments_of(id_)
        return script

    def review(self, asked: Asked) -> Says:
        if any(each["line"] in self.bad_lines for each in asked.body["comments"]):
            return BAD
        if self.is_own and asked.body["event"] != "COMMENT":
            return Says(status=422, body={"message": "Validation", "errors": ["Can not approve your own pull request"]})
        if not asked.body["body"] and not asked.body["comments"]:
            return Says(status=422, body={"message": "Body is missing"})
        self.reviews.append(asked.body)
        for each in asked.body["comments"]:
            self.comments.append({**each, "id": len(self.comments) + 100, "review": len(self.reviews)})
        return Says(status=201, body={"id": len(self.reviews)})

    def comment(self, asked: Asked) -> Says:
        if asked.body["line"] in self.bad_lines:
            return BAD
        self.comments.append({**asked.body, "id": len(self.comments) + 100, "review": 0})
        return Says(status=201, body={"id": self.comments[-1]["id"]})

    def comments_of(self, review: int) -> Any:
        def listed(_: Asked) -> Says:
            mine = [each for each in self.comments if each["review"] == review]
            return Says(body=[{**each, "body": each["body"] + "\r\n"} for each in reversed(mine)])

        return listed


def comments_on(lines: Sequence[int]) -> list[InlineComment]:
    return [
        InlineComment(path="a.py", side=Side.NEW, first_line=line, last_line=line, body=f"On {line}\n\n<!-- mesrai -->")
        for line in lines
    ]


def posted(
    pull: PullRequest, lines: Sequence[int], *, verdict: Verdict = Verdict.COMMENT, body: str = "Text"
) -> tuple[Sequence[Posted], ScriptedGitHub]:
    comments = comments_on(lines)
    return talk(
        pull.script,
        lambda to: to.shop.post_review(2, sha=SHA, verdict=verdict, body=body, comments=comments),
    )


def test_review_is_one_call_and_each_comment_has_its_id() -> None:
    pull = PullRequest()
    result, github = posted(pull, [1, 2, 3])

    assert [(each.comment.last_line, each.id) for each in result] == [(1, 100), (2, 101), (3, 102)]
    assert github.lines == [f"POST {PULL}/reviews", f"GET {PULL}/reviews/1/comments?per_page=100"]
    assert pull.reviews[0]["commit_id"] == SHA
    assert pull.reviews[0]["body"] == "Text\n\n<!-- mesrai -->"


def test_review_without_comments_is_one_call() -> None:
    result, github = posted(PullRequest(), [], verdict=Verdict.APPROVE)

    assert (list(result), github.lines) == ([], [f"POST {PULL}/reviews"])


def test_one_bad_line_costs_none_of_the_others_and_nothing_is_posted_twice() -> None:
    pull = PullRequest(bad_lines=frozenset({2}))
    result, _ = posted(pull, [1, 2, 3], verdict=Verdict.REQUEST_CHANGES)

    assert [each.id for each in result] == [100, None, 101]
    assert result[1].reason == (
        "GitHub refused (HTTP 422). GitHub says: Unprocessable Entity; Line could not be resolved"
    )
    assert [(review["event"], review["comments"]) for review in pull.reviews] == [("REQUEST_CHANGES", [])]
    assert [each["line"] for each in pull.comments] == [1, 3]


def test_bad_line_in_a_review_without_text_leaves_no_empty_review() -> None:
    pull = PullRequest(bad_lines=frozenset({1}))
    result, _ = posted(pull, [1, 2], body="")

    assert [each.id for each in result] == [None, 100]
    assert pull.reviews == []


def test_large_review_goes_out_in_parts_of_forty() -> None:
    pull = PullRequest()
    result, _ = posted(pull, range(1, 91), verdict=Verdict.REQUEST_CHANGES)

    assert [each.id for each in result] == list(range(100, 190))
    assert [(review["event"], len(review["comments"])) for review in pull.reviews] == [
        ("REQUEST_CHANGES", 40),
        ("COMMENT", 40),
        ("COMMENT", 10),
    ]
    assert pull.reviews[1]["body"].startswith("More comments of this review (2 of 3).")


def test_verdict_on_our_own_pull_request_becomes_a_comment_that_says_so() -> None:
    pull = PullRequest(is_own=True)
    result, _ = posted(pull, [1], verdict=Verdict.REQUEST_CHANGES)

    assert [each.id for each in result] == [100]
    assert pull.reviews[0]["event"] == "COMMENT"
    assert "of their own, so this is only a comment" in pull.reviews[0]["body"]


def test_same_words_on_two_lines_get_two_ids() -> None:
    pull = PullRequest()
    twice = [*comments_on([1]), *comments_on([1])]
    result, _ = talk(
        pull.script, lambda to: to.shop.post_review(2, sha=SHA, verdict=Verdict.COMMENT, body="T", comments=twice)
    )

    assert sorted(each.id or 0 for each in result) == [100, 101]


def test_comment_that_vanished_is_reported() -> None:
    script = {f"POST {PULL}/reviews": NO_REVIEW, f"GET {PULL}/reviews/1/comments": Says(body=[])}
    result, _ = talk(
        script,
        lambda to: to.shop.post_review(2, sha=SHA, verdict=Verdict.COMMENT, body="T", comments=comments_on([1])),
    )

    assert [(each.id, each.reason) for each in result] == [
        (None, "GitHub took the review, but does not show this comment.")
    ]


def test_text_that_is_refused_is_an_error() -> None:
    script = {f"POST {PULL}/reviews": Says(status=422, body={"message": "commit is not part of the pull request"})}

    with pytest.raises(ForgeRejected, match="not part of the pull request"):
        talk(
            script,
            lambda to: to.shop.post_review(2, sha=SHA, verdict=Verdict.COMMENT, body="T", comments=comments_on([1])),
        )


def test_review_of_text_alone_that_is_refused_is_not_tried_again() -> None:
    script: Script = {f"POST {PULL}/reviews": [BAD, NO_REVIEW]}

    with pytest.raises(ForgeRejected):
        talk(script, lambda to: to.shop.post_review(2, sha=SHA, verdict=Verdict.COMMENT, body="T", comments=[]))


@pytest.mark.parametrize(("status", "error"), [(502, ForgeUnavailable), (429, ForgeRateLimited)])
def test_failure_between_comments_is_raised_and_nothing_more_is_posted(status: int, error: type[Exception]) -> None:
    pull = PullRequest(bad_lines=frozenset({1}))
    counts: list[int] = []

    def comment(asked: Asked) -> Says:
        counts.append(asked.body["line"])
        return Says(status=status) if asked.body["line"] == 3 else pull.comment(asked)

    script = {**pull.script, f"POST {PULL}/comments": comment}
    with pytest.raises(error):
        talk(
            script,
            lambda to: to.shop.post_review(
                2, sha=SHA, verdict=Verdict.COMMENT, body="T", comments=comments_on([1, 2, 3, 4])
            ),
        )
    assert counts == [1, 2, 3]


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 50), bad=st.frozensets(st.integers(1, 50)), verdict=st.sampled_from(Verdict))
def test_every_good_comment_stands_once_and_every_bad_one_is_named(
    count: int, bad: frozenset[int], verdict: Verdict
) -> None:
    pull = PullRequest(bad_lines=bad)
    lines = list(range(1, count + 1))
    result, _ = posted(pull, lines, verdict=verdict)

    assert [each.comment.last_line for each in result] == lines
    assert [each.comment.last_line for each in result if each.id is None] == [line for line in lines if line in bad]
    assert sorted(each["line"] for each in pull.comments) == [line for line in lines if line not in bad]
    assert len({each.id for each in result if each.id}) == len(pull.comments)
    assert sum("Text" in review["body"] for review in pull.reviews) == 1
