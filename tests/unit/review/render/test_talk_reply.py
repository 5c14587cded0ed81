"""An answer to somebody is harmless and bounded, whatever the model says."""

from hypothesis import given
from tests.strategies import hostile_text

from mesrai.domain.secrets_in_text import find_secrets
from mesrai.review.answers import TalkAnswer
from mesrai.review.render.marks import answer_mark, read_answer_mark
from mesrai.review.render.talk_reply import render_reply, render_unanswered

MOST = 16_000


def test_an_answer_says_who_gave_it_and_what_came_of_it() -> None:
    text = render_reply(TalkAnswer(reply="Yes.", concedes=True), model="m1", told=["Remembered."])
    assert text.split("\n\n") == [
        "Yes.",
        "*The finding is taken back and will not be told again here. `@mesrai resolve` settles this thread.*",
        "Remembered.",
        "<sub>answered by `m1`</sub>",
    ]


def test_an_answer_that_is_too_long_is_cut() -> None:
    text = render_reply(TalkAnswer(reply="<" * 6_000), model="m1", told=["x\n" * 8_000])
    assert len(text) <= MOST


@given(hostile_text(), hostile_text())
def test_no_answer_holds_a_mark_or_a_secret_or_wakes_anybody(reply: str, model: str) -> None:
    for text in (render_reply(TalkAnswer(reply=reply), model=model), render_unanswered(reply, until="soon")):
        assert "<!--" not in text
        assert not find_secrets(text)
        body = f"{text}\n\n{answer_mark(7, note='waits', at=1_900_000_000)}"
        mark = read_answer_mark(body)
        assert mark is not None
        assert (mark.comment, mark.note, mark.at) == (7, "waits", 1_900_000_000)
        assert read_answer_mark(text) is None
