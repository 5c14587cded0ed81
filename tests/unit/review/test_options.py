"""What the depth of a review asks of the model."""

import pytest

from mesrai.domain.connection import Thinking
from mesrai.review.options import Depth, Options


@pytest.mark.parametrize(
    ("depth", "thinking"), [(Depth.FAST, Thinking.LOW), (Depth.NORMAL, None), (Depth.DEEP, Thinking.HIGH)]
)
def test_depth_lowers_or_raises_thinking_and_otherwise_leaves_it_to_the_connection(
    depth: Depth, thinking: Thinking | None
) -> None:
    assert Options(depth=depth).thinking is thinking
