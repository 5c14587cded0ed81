import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.domain.command import Command, CommandKind, Scope, command_in

REVIEW = Command(kind=CommandKind.REVIEW)


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("@mesrai start-review", REVIEW),
        ("  @Mesrai   start-review  ", REVIEW),
        ("@mesrai review", REVIEW),
        ("@mesrai[bot] review", REVIEW),
        ("@mesrai, review --full", Command(kind=CommandKind.REVIEW, scope=Scope.FULL)),
        ("@mesrai review --fast", Command(kind=CommandKind.REVIEW, scope=Scope.FAST)),
        ("@mesrai review --deep", Command(kind=CommandKind.REVIEW, scope=Scope.DEEP)),
        ("@mesrai pause", Command(kind=CommandKind.PAUSE)),
        ("@mesrai resume", Command(kind=CommandKind.RESUME)),
        ("@mesrai resolve", Command(kind=CommandKind.RESOLVE)),
        ("@mesrai resolve it if you agree", Command(kind=CommandKind.QUESTION, text="resolve it if you agree")),
        ("@mesrai help", Command(kind=CommandKind.HELP)),
        ("@mesrai", Command(kind=CommandKind.HELP)),
        ("@mesrai remember: we use tabs", Command(kind=CommandKind.REMEMBER, text="we use tabs")),
        ("@mesrai please remember: we use tabs", Command(kind=CommandKind.REMEMBER, text="we use tabs")),
        ("@mesrai apply 12", Command(kind=CommandKind.APPLY, number=12)),
        ("@mesrai Discard memory #12.", Command(kind=CommandKind.DISCARD, number=12)),
        ("@mesrai forget 012", Command(kind=CommandKind.FORGET, number=12)),
        ("@mesrai forget that", Command(kind=CommandKind.QUESTION, text="forget that")),
        ("@mesrai apply ١٢", Command(kind=CommandKind.QUESTION, text="apply ١٢")),
        ("@mesrai apply 12 now", Command(kind=CommandKind.QUESTION, text="apply 12 now")),
        ("@mesrai apply", Command(kind=CommandKind.QUESTION, text="apply")),
        ("@mesrai why is this wrong?", Command(kind=CommandKind.QUESTION, text="why is this wrong?")),
        ("@mesrai\nwhy is this wrong?", Command(kind=CommandKind.QUESTION, text="why is this wrong?")),
        ("@mesrai review this once more", Command(kind=CommandKind.QUESTION, text="review this once more")),
        ("> @mesrai pause\n@mesrai resume", Command(kind=CommandKind.RESUME)),
        ("```\n@mesrai pause\n```\n@mesrai help", Command(kind=CommandKind.HELP)),
    ],
)
def test_a_command_is_read_from_the_first_line_that_says_something(body: str, command: Command) -> None:
    assert command_in(body) == command


@pytest.mark.parametrize(
    "body",
    [
        "",
        "looks good",
        "please ask @mesrai review",
        "> @mesrai start-review",
        "    @mesrai start-review",
        "```\n@mesrai start-review\n```",
        "@mesrai-helper review",
        "@mesraibot review",
        "first\n@mesrai review",
    ],
)
def test_what_is_quoted_said_in_passing_or_said_to_others_is_no_command(body: str) -> None:
    assert command_in(body) is None


@pytest.mark.parametrize(
    "body", ["@mesrai review --config.key=value", "@mesrai review --full --deep", "@mesrai review -x"]
)
def test_there_are_no_free_options(body: str) -> None:
    assert command_in(body) == Command(kind=CommandKind.UNKNOWN)


@given(st.text())
def test_any_text_is_a_command_or_none(body: str) -> None:
    found = command_in(body)
    assert found is None or len(found.text) <= 2_000


PIECES = st.sampled_from(
    ["@mesrai", "@mesrai[bot]", "@Mesrai", "@mesrai-x", " ", "\n", "\t", "    ", "> ", "```\n", "~~~\n", "review",
     "start-review", "pause", "resume", "help", "remember:", "--full", "--fast", "--deep", "--force", "--config=x",
     "; rm -rf /", "$(id)", "\u200b", "\u2028", "\r", "\0", "\x85", "<!--", "-->", ",", ":", "é"]
)  # fmt: skip
ASKS = re.compile(r"@mesrai(\[bot\])?[,:]?\s*(start-review|review)\s*(--full|--fast|--deep)?", re.IGNORECASE)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=9).map("".join))
def test_a_review_is_asked_for_in_these_words_only(body: str) -> None:
    found = command_in(body)
    if found is None:
        return
    own = [line.strip() for line in body.splitlines() if line.strip() and not line.lstrip().startswith(">")]
    assert any(line.lower().startswith("@mesrai") for line in own), "nobody spoke to us"
    if found.kind is CommandKind.REVIEW:
        assert any(ASKS.fullmatch(line) and found.scope in line.lower() for line in own)
        assert found.text == ""
    assert len(found.text) <= 2_000
