"""A pull request reviewed without a service: whatever fails, nothing reads as reviewed, and nothing is posted twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from tests.fakes import Files, MemorySource, change_between
from tests.memory_forge import BASE, HEAD, Fault, MemoryForge
from tests.reviewing import BEFORE, CHANGED, finds_one
from tests.scripted_model import ScriptedModel

from mesrai.domain.change import At, Revision
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Lifecycle, PullRequest
from mesrai.domain.review import Outcome
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, ForgeUnavailable, SourceError
from mesrai.flows.publishing.progress import seal_with
from mesrai.flows.review_once import Desk, Once, Wish, review_once
from mesrai.forges.forge import Source
from mesrai.llm.model import Model
from mesrai.review.options import Options

SEAL = seal_with(Secret("sk-of-some-length-1"))
NEXT = "d" * 40
POSTED = Wish(is_posted=True)


class Broken(MemorySource):
    """A source that cannot be read at the head."""

    async def file(self, path: str, at: At) -> bytes | None:
        if at is At.HEAD:
            raise SourceError("The clone is broken.")
        return await super().file(path, at)


@dataclass(kw_only=True)
class Bench:
    """One pull request in memory."""

    forge: MemoryForge = field(default_factory=MemoryForge)
    model: ScriptedModel = field(default_factory=lambda: ScriptedModel(finds_one))
    head: Files = field(default_factory=lambda: dict(CHANGED))
    sinces: list[str] = field(default_factory=list)
    is_broken: bool = False  # no file can be read at the head

    def review(self, wish: Wish = POSTED) -> Once:
        desk = Desk(forge=self.forge, source=self._source, model=self._model, analysers=(), seal=SEAL)
        return asyncio.run(review_once(desk, 7, wish))

    @asynccontextmanager
    async def _source(self, pull_request: PullRequest, since: str) -> AsyncIterator[Source]:
        self.sinces.append(since)
        base = {"cart.py": BEFORE}
        change = replace(
            change_between(base, self.head), revision=Revision(base=since or BASE, head=pull_request.head_sha)
        )
        yield Broken(base, self.head, change) if self.is_broken else MemorySource(base, self.head, change)

    @asynccontextmanager
    async def _model(self, pull_request: PullRequest) -> AsyncIterator[Model]:
        yield self.model

    @property
    def summary(self) -> str:
        [comment] = self.forge.conversation
        return comment.body


@pytest.mark.parametrize("has_effect", [False, True])
@pytest.mark.parametrize("at", range(1, 10))
def test_after_any_failed_write_the_next_run_leaves_each_thing_once(at: int, has_effect: bool) -> None:
    bench = Bench()
    bench.forge.fault = Fault(at=at, error=ForgeUnavailable("GitHub broke off."), has_effect=has_effect)
    first = bench.review()
    is_said = first.published is not None and first.published.is_said
    assert is_said or first.unposted or (first.published is not None and first.published.problems)
    if not is_said:
        assert not any("reviewed=" in each.body for each in bench.forge.conversation) or has_effect

    bench.forge.fault = None
    second = bench.review(replace(POSTED, is_full=True))

    assert second.published is not None
    assert second.published.is_said
    assert (len(bench.forge.all_threads), len(bench.forge.conversation)) == (1, 1)
    assert f"reviewed={HEAD} seal=" in bench.summary


def test_nothing_is_written_unless_it_is_to_be_posted() -> None:
    bench = Bench()
    once = bench.review(Wish())
    assert once.review is not None
    assert len(once.review.findings) == 1
    assert (once.published, bench.forge.writes) == (None, [])


def test_a_token_that_may_not_write_is_found_out_before_the_model_is_asked() -> None:
    bench = Bench()
    refusal = ForgeAuth("Resource not accessible by integration", status=403)
    bench.forge.fault = Fault(at=1, error=refusal, call="post_comment")
    once = bench.review()
    assert "Resource not accessible" in once.unposted
    assert once.review is not None
    assert len(once.review.findings) == 1
    assert (once.published, bench.forge.all_threads, bench.forge.conversation) == (None, [], [])


def test_the_next_review_goes_on_where_a_whole_one_ended_and_no_other() -> None:
    bench = Bench()
    bench.review(replace(POSTED, options=Options(rules_only=True)))
    assert "reviewed=" not in bench.summary, "only the rules were looked at"
    bench.review()
    bench.forge.pull = replace(bench.forge.pull, head_sha=NEXT)
    bench.model.script = lambda prompt: "this is no answer"
    failed = bench.review()
    assert failed.failed is not None
    assert failed.review is not None
    assert failed.review.outcome is Outcome.FAILED
    assert f"reviewed={HEAD} " in bench.summary
    bench.model.script = finds_one
    bench.review(replace(POSTED, since="e" * 40))
    assert f"reviewed={HEAD} " in bench.summary, "what came before that commit was not looked at"
    bench.review()
    assert f"reviewed={NEXT} " in bench.summary
    bench.review()
    assert bench.sinces == ["", "", HEAD, "e" * 40, HEAD, ""], (
        "a commit that was reviewed is looked at again as a whole"
    )


def test_what_breaks_after_the_announcement_is_said_there() -> None:
    bench = Bench(is_broken=True)
    with pytest.raises(SourceError):
        bench.review()
    assert "failed" in bench.summary
    assert "The clone is broken." in bench.summary


def test_what_is_closed_or_a_draft_is_read_by_whoever_asks_and_posted_for_nobody() -> None:
    bench = Bench()
    bench.forge.pull = replace(bench.forge.pull, is_draft=True)
    opened = bench.review(replace(POSTED, trigger=Trigger.OPENED))
    assert (opened.review, "draft" in opened.reason, bench.forge.writes) == (None, True, [])
    assert bench.review().review is not None
    bench.forge.pull = replace(bench.forge.pull, lifecycle=Lifecycle.MERGED)
    assert bench.review().reason == "The pull request is merged."
    assert bench.review(Wish()).review is not None
