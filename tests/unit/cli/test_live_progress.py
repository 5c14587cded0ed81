import io
from decimal import Decimal

from tests.factories import a_usage

from mesrai.cli.progress import progress_for
from mesrai.cli.standing import Standing, sentence, step
from mesrai.domain.usage import Estimate
from mesrai.review.progress import BatchEnded, BatchSplit, Event, Found, Notice, Spending, Started, Stopping

EVENTS: tuple[Event, ...] = (
    Started(files=9, batches=3),
    Spending(usage=a_usage(), in_flight=2),
    BatchEnded(batch=1, paths=("a.py", "b.py"), confirmed=2, refuted=1),
    BatchSplit(batch=2, into=2),
    BatchEnded(batch=3, paths=("c\x1b[2J.py",), failure="The provider\nis overloaded."),
    Notice(text="gpt-5.2 takes over"),
    Stopping(),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *, is_quiet: bool = False, is_verbose: bool = False, term: str = "xterm") -> str:
    settings = {"TERM": term, "NO_COLOR": "1", "COLUMNS": "200"}
    clock = iter(range(1_000))
    with progress_for(
        is_quiet=is_quiet, is_verbose=is_verbose, stream=stream, environ=settings, clock=lambda: float(next(clock))
    ) as watch:
        for event in EVENTS:
            watch(event)
    return stream.getvalue()


def test_standing_counts_files_batches_calls_and_money() -> None:
    standing = Standing()
    assert standing.words(0.25) == "Reading the change · 0.2 s"
    for event in EVENTS[:5]:
        standing.take(event)
    assert standing.words(75) == (
        "2 of 4 batches · 2 of 9 files · 1 failed · 2 in flight · 45,100 tokens · 0.0483 USD · 1 min 15 s"
    )
    standing.take(Stopping())
    assert standing.words(75).startswith("stopping · 2 of 4")


def test_verbose_without_a_terminal_says_each_step_on_a_line() -> None:
    assert shown(io.StringIO(), is_verbose=True) == (
        "mesrai: [1.0 s] Asking about 9 files in 3 batches.\n"
        "mesrai: [2.0 s] Read a.py, b.py: 2 confirmed, 1 dropped.\n"
        "mesrai: [3.0 s] A batch was too large; it goes on as 2.\n"
        "mesrai: [4.0 s] Not read: c␛[2J.py: The provider is overloaded.\n"
        "mesrai: [5.0 s] gpt-5.2 takes over\n"
        "mesrai: [6.0 s] Stopping: nothing more is asked, and what is verified will be shown.\n"
    )


def test_nothing_is_said_without_a_terminal_or_when_quiet() -> None:
    assert shown(io.StringIO()) == ""
    assert shown(Terminal(), is_quiet=True) == ""
    assert shown(Terminal(), term="dumb") == ""


def test_terminal_keeps_what_must_be_read_above_the_live_line() -> None:
    text = shown(Terminal())
    kept = [sentence(event) for event in EVENTS if sentence(event)]
    assert len(kept) == 3
    assert all(each in text for each in kept)
    assert "\x1b[2J" not in text
    assert "of 4 batches" in text


def test_what_it_will_cost_is_said_before_anything_is_asked() -> None:
    low, high = a_usage(cost=Decimal("0.021")), a_usage(cost=Decimal("0.09"), input_tokens=117_000)
    estimate = Estimate(model="kimi-k2.6", low=low, high=high, prices_of="2026-09-29")
    told = "about 0.02 to 0.09 USD, 45k to 120k tokens on kimi-k2.6 (prices of 2026-09-29)"
    stream = io.StringIO()
    with progress_for(is_verbose=True, stream=stream, environ={}, clock=lambda: 0.0) as watch:
        watch(Started(files=2, batches=1, estimate=estimate))
    assert stream.getvalue().splitlines() == [
        "mesrai: [0.0 s] Asking about 2 files in 1 batch.",
        f"mesrai: [0.0 s] This review will cost {told}.",
    ]
    terminal = Terminal()
    with progress_for(stream=terminal, environ={"NO_COLOR": "1", "COLUMNS": "200"}) as watch:
        watch(Started(files=2, batches=1, estimate=estimate))
    assert told in terminal.getvalue()


def test_what_was_verified_is_named_with_its_place() -> None:
    found = (
        Found(severity="high", title="Divides\nby zero", path="a\x1b.py", line=2),
        Found(severity="low", title="Slow", path="b.py", line=None),
    )
    said = step(BatchEnded(batch=1, paths=("a.py",), confirmed=2, refuted=0, found=found))
    assert said == "Read a.py: 2 confirmed, 0 dropped. High: Divides by zero (a␛.py:2). Low: Slow (b.py)."
