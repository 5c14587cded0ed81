"""How far reviews got counts only if we sealed it, for this pull request, this base and this commit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import a_review
from tests.memory_forge import HEAD, a_pull_request

from mesrai.domain.pull_request import Comment, Person, RepositoryName
from mesrai.domain.review import Outcome
from mesrai.domain.secret import Secret
from mesrai.flows.publishing.progress import Seal, progress_after, seal_with
from mesrai.review.render.marks import read_reviewed_mark
from mesrai.review.render.summary_comment import render_state

SEAL = Seal(Secret("sk-of-some-length-1"))
OTHER = "c" * 40


def a_summary(mark: str, *, before: str = "All is well.") -> Comment:
    bot = Person(id=1, login="github-actions[bot]", is_bot=True)
    return Comment(id=5, author=bot, body=f"<!-- mesrai:v1 summary -->\n{before}\n\n{mark}")


def test_a_seal_of_ours_is_believed_also_after_another_review_began() -> None:
    pull_request = a_pull_request()
    summary = a_summary(SEAL.mark(pull_request))
    assert SEAL.reviewed_head(pull_request, summary) == HEAD
    assert SEAL.reviewed_head(replace(pull_request, head_sha=OTHER), summary) == HEAD, "a later push"
    begun = replace(summary, body=render_state("The review is under way.", summary.body))
    assert SEAL.reviewed_head(pull_request, begun) == HEAD
    again = Seal(Secret("sk-of-some-length-1"))
    assert again.reviewed_head(pull_request, summary) == HEAD, "in another process"


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 8},
        {"base_ref": "release"},
        {"repository": RepositoryName(forge="github.com", owner="acme", name="till")},
        {"repository": RepositoryName(forge="github.example.com", owner="acme", name="shop")},
    ],
)
def test_a_seal_is_for_one_pull_request_and_one_base(changes: dict[str, object]) -> None:
    summary = a_summary(SEAL.mark(a_pull_request()))
    assert SEAL.reviewed_head(a_pull_request(**changes), summary) == ""


def test_nobody_else_can_seal() -> None:
    stranger = Seal(Secret("sk-of-some-length-2"))
    assert SEAL.reviewed_head(a_pull_request(), a_summary(stranger.mark(a_pull_request()))) == ""
    moved = SEAL.mark(a_pull_request()).replace(HEAD, OTHER)
    assert SEAL.reviewed_head(a_pull_request(), a_summary(moved)) == ""
    assert SEAL.reviewed_head(a_pull_request(), None) == ""
    quoted = a_summary("He wrote something.", before=SEAL.mark(a_pull_request()))
    assert SEAL.reviewed_head(a_pull_request(), quoted) == "", "only the last line counts"


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    found = read_reviewed_mark(text)
    assert found is None or (len(found[0]) in (40, 64) and len(found[1]) == 64)


def test_a_secret_that_could_be_guessed_seals_nothing() -> None:
    assert seal_with(None) is None
    assert seal_with(Secret("ollama")) is None
    assert seal_with(Secret("sk-of-some-length-1")) is not None


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_whole_review_moves_the_mark(outcome: Outcome) -> None:
    old, new = SEAL.mark(a_pull_request()), SEAL.mark(a_pull_request(head_sha=OTHER))
    review, before = a_review(outcome=outcome), a_summary(old)
    is_whole = outcome in (Outcome.REVIEWED, Outcome.NOTHING)
    assert progress_after(review, new, before) == (new if is_whole else old)
    assert progress_after(review, "", before) == old, "whoever cannot seal leaves what stands there"
    assert progress_after(review, new, None) == (new if is_whole else "")
