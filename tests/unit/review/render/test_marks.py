"""Marks in our comments are read back as they were written, and no text makes a reader stumble or sees one too many."""

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import hostile_text

from mesrai.domain.finding import Severity
from mesrai.review.render.marks import (
    Item,
    finding_mark,
    is_summary,
    item_text,
    mark_id,
    read_finding_mark,
    read_items,
    without_mark,
)

PIECES = st.sampled_from(
    ["<!-- mesrai:v1 ", "fp=", "item=", "abc", "0" * 40, "0" * 41, " severity=", "high", "HIGH", "worst", " refused",
     " -->", "<!-- mesrai:v1 item-end -->", "<!-- mesrai:v1 summary -->", "\n", " ", "-->", "x", "\0", "\ud800"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_read(body: str) -> None:
    found = read_finding_mark(body)
    assert found is None or (body.lstrip().startswith(f"<!-- mesrai:v1 fp={found[0]} ") and found[1] in Severity)
    assert all(item.fingerprint and item.severity in Severity for item in read_items(body))
    assert len(without_mark(body)) <= len(body)
    assert not is_summary(body) or body.lstrip().startswith("<!-- mesrai:v1 summary -->")


@given(hostile_text(), st.sampled_from(Severity))
def test_a_mark_is_read_back_whatever_the_fingerprint(fingerprint: str, severity: Severity) -> None:
    mark = finding_mark(fingerprint, severity)
    assert read_finding_mark(f"{mark}\ntext") == (mark_id(fingerprint), severity)
    assert mark.count("-->") == 1
    assert "\n" not in mark


@given(st.lists(st.tuples(st.text("0123456789abcdef", min_size=1, max_size=40), st.text("ab*`\n ", max_size=20))))
def test_items_are_read_back_in_their_order(told: list[tuple[str, str]]) -> None:
    items = [Item(fingerprint=one, severity=Severity.LOW, text=text.strip()) for one, text in told]
    assert read_items("\n\n".join(map(item_text, items))) == items
