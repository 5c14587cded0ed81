"""Files that should have been read and could not be: never a whole review, and never none at all."""

import asyncio
from dataclasses import replace

import pytest
from tests.fakes import MemorySource, change_between
from tests.reviewing import finds_one
from tests.scripted_model import ScriptedModel

from mesrai.domain.change import Revision
from mesrai.domain.diff import Action, FileDiff, FileKind
from mesrai.domain.policy import Policy
from mesrai.domain.review import FileCoverage, FileStatus, Outcome, Review
from mesrai.flows.publishing.verdict import decide_conclusion, is_clean
from mesrai.forges.forge import Conclusion
from mesrai.review.options import Options
from mesrai.review.pipeline import Reading, ReviewFailed, review_change, review_offline

BASE = {"cart.py": "def total(items):\n    return sum(items)\n"}
HEAD = {"cart.py": "def total(items):\n    return sum(items) / len(items)\n"}
UNREAD = FileDiff(path="big/a.py", action=Action.MODIFIED, kind=FileKind.UNREAD)
LOCK = FileDiff(path="Cargo.lock", action=Action.MODIFIED, kind=FileKind.UNREAD)


def reviewed(*files: FileDiff, is_offline: bool = False) -> tuple[Review, ScriptedModel]:
    """A review of a change of these files, and the model that was asked."""
    revision = Revision(base="b" * 40, head="a" * 40)
    change = replace(change_between(BASE, HEAD), revision=revision, files=files)
    source, model = MemorySource(BASE, HEAD, change), ScriptedModel(finds_one)
    if is_offline:
        return asyncio.run(review_offline(change, source, (), policy=Policy())), model
    reading = Reading(source=source, analysers=(), model=model)
    return asyncio.run(review_change(change, reading, policy=Policy(), options=Options())), model


def test_a_review_without_a_file_that_could_not_be_read_is_partial() -> None:
    (cart,) = change_between(BASE, HEAD).files
    review, _ = reviewed(cart, UNREAD)
    assert review.outcome is Outcome.PARTIAL
    assert (
        FileCoverage(
            path="big/a.py", status=FileStatus.FAILED, reason="it could not be read: the change is too large", hunks=0
        )
        in review.coverage
    )
    assert not is_clean(review, ())
    assert decide_conclusion(review, (), Policy()) is Conclusion.NEUTRAL


@pytest.mark.parametrize("is_offline", [False, True])
def test_if_no_file_could_be_read_the_review_failed(is_offline: bool) -> None:
    with pytest.raises(ReviewFailed, match="too large") as failed:
        reviewed(UNREAD, LOCK, is_offline=is_offline)
    assert failed.value.review.outcome is Outcome.FAILED


def test_what_would_have_been_left_out_anyhow_is_not_missed() -> None:
    (cart,) = change_between(BASE, HEAD).files
    review, _ = reviewed(cart, LOCK)
    assert review.outcome is Outcome.REVIEWED
    nothing, model = reviewed(LOCK)
    assert (nothing.outcome, model.prompts) == (Outcome.NOTHING, [])
