"""Events from bytes however they are cut, and the deadlines of a streamed answer."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.errors import ModelTimeout
from mesrai.llm.endpoint import Timeouts
from mesrai.llm.stream import Event, EventReader, Patience, Taken, read_answer


def events_of(*chunks: bytes) -> list[Event]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()


def test_comments_ids_and_unknown_fields_are_skipped() -> None:
    raw = b": OPENROUTER PROCESSING\n\nid: 7\nretry: 10\nnonsense\ndata: {}\n\n"
    assert events_of(raw) == [Event("", "{}")]


def test_data_of_several_lines_is_joined_and_the_name_kept() -> None:
    assert events_of(b"event: ping\ndata: one\ndata:two\n\ndata: {}\n\n") == [
        Event("ping", "one\ntwo"),
        Event("", "{}"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_understood(end: bytes) -> None:
    assert events_of(end.join([b"data: 1", b"data: 2", b"", b"data: 3", b"", b""])) == [
        Event("", "1\n2"),
        Event("", "3"),
    ]


def test_an_event_does_not_wait_for_the_second_half_of_its_line_end() -> None:
    assert EventReader().feed(b"data: 1\r\r") == [Event("", "1")]


def test_a_letter_cut_in_its_middle_is_whole_again() -> None:
    raw = "data: naïve – 月\n\n".encode()
    assert events_of(*(raw[at : at + 1] for at in range(len(raw)))) == [Event("", "naïve – 月")]


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert events_of(b"\xef\xbb\xbfdata: 1\n\n") == [Event("", "1")]


def test_a_last_event_without_blank_line_counts_if_it_is_complete() -> None:
    assert events_of(b'data: {"a":1}') == [Event("", '{"a":1}')]
    assert events_of(b"data: [DONE]\n") == [Event("", "[DONE]")]
    assert events_of(b'data: {"a":') == []


def test_a_very_long_event_costs_no_more_than_its_length() -> None:
    piece = b"x" * 4_096
    reader = EventReader()
    found = [event for chunk in (b"data: ", *[piece] * 2_000, b"\n\n") for event in reader.feed(chunk)]
    assert [len(event.data) for event in found] == [4_096 * 2_000]


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"", b"data: a", b"data:", b"data", b"event: e", b": c", b"data:  two", b"\xef\xbb\xbfdata: 1"]
        ),
        st.binary(max_size=12).map(lambda raw: b"data: " + raw),
        st.text(max_size=12).map(lambda text: b"data: " + text.encode()),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(lines=LINES, ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=12, max_size=12), cuts=st.data())
def test_any_cutting_gives_the_same_events(lines: list[bytes], ends: list[bytes], cuts: st.DataObject) -> None:
    raw = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    places = sorted(cuts.draw(st.sets(st.integers(0, len(raw)), max_size=10)) | {0, len(raw)})
    chunks = [raw[start:end] for start, end in pairwise(places)]
    assert events_of(*chunks) == events_of(raw)


async def chunks_of(*pieces: bytes | float) -> AsyncIterator[bytes]:
    """The bytes one after the other, with pauses in seconds between them."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            await asyncio.sleep(piece)


def reading(*pieces: bytes | float, timeouts: Timeouts) -> list[str]:
    taken: list[str] = []

    def take(event: Event) -> Taken:
        taken.append(event.data)
        return {"ping": Taken.NOTHING, "whole": Taken.WHOLE, "end": Taken.END}.get(event.data, Taken.SOMETHING)

    async def run() -> None:
        async with Patience(timeouts, after_whole_s=0.03) as patience:
            body = await read_answer(chunks_of(*pieces), patience, take)
            if body is not None:
                taken.append(f"body:{body.decode()}")

    asyncio.run(run())
    return taken


def again_and_again(piece: bytes) -> list[bytes | float]:
    return [piece, 0.02] * 20


QUICK = Timeouts(first_token_s=0.1, idle_s=0.05, total_s=0.3)


@pytest.mark.parametrize("keep_alive", [b": still here\n\n", b"data: ping\n\n"])
def test_keep_alives_do_not_put_off_the_first_token(keep_alive: bytes) -> None:
    with pytest.raises(ModelTimeout, match=r"sent nothing of an answer for 0\.1 s"):
        reading(*again_and_again(keep_alive), timeouts=QUICK)


@pytest.mark.parametrize("keep_alive", [b": still here\n\n", b"data: ping\n\n"])
def test_keep_alives_do_not_put_off_the_idle_deadline(keep_alive: bytes) -> None:
    with pytest.raises(ModelTimeout, match=r"stopped coming for 0\.05 s"):
        reading(b"data: 1\n\n", *again_and_again(keep_alive), timeouts=QUICK)


def test_a_ping_that_comes_together_with_a_token_does_not_hide_it() -> None:
    with pytest.raises(ModelTimeout, match=r"stopped coming for 0\.05 s"):
        reading(b"data: 1\n\ndata: ping\n\n", 0.2, timeouts=QUICK)


def test_a_steady_answer_ends_with_the_total_deadline() -> None:
    with pytest.raises(ModelTimeout, match=r"took longer than 0\.15 s"):
        reading(*again_and_again(b"data: 1\n\n"), timeouts=Timeouts(first_token_s=0.1, idle_s=0.1, total_s=0.15))


def test_nothing_is_read_after_the_end() -> None:
    assert reading(b"data: 1\n\ndata: [DONE]\n\ndata: 2\n\n", 9.0, timeouts=QUICK) == ["1"]
    assert reading(b"data: end\n\n", 9.0, timeouts=QUICK) == ["end"]


def test_little_time_is_given_to_what_follows_a_whole_answer() -> None:
    with pytest.raises(ModelTimeout, match=r"end of the stream did not come for 0\.03 s"):
        reading(b"data: 1\n\ndata: whole\n\n", 0.06, b"data: 2\n\n", timeouts=Timeouts(first_token_s=9, idle_s=9))


@pytest.mark.parametrize("body", [b'  {"a": 1}', b"<html>", b"Internal", b"[1]"])
def test_a_body_that_is_no_stream_is_returned_whole(body: bytes) -> None:
    halves = (body[:3], body[3:])
    assert reading(*halves, timeouts=QUICK) == [f"body:{body.decode()}"]


def test_blank_lines_before_a_plain_answer_are_waited_through() -> None:
    assert reading(b"\n", 0.01, b"\n\n", 0.01, b'{"a":1}', timeouts=QUICK) == ['body:\n\n\n{"a":1}']


def test_an_empty_body_is_an_empty_body() -> None:
    assert reading(timeouts=QUICK) == ["body:"]
