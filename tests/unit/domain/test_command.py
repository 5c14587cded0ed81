import pytest
from hypothesis import given
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
        ("@mesrai help", Command(kind=CommandKind.HELP)),
        ("@mesrai", Command(kind=CommandKind.HELP)),
        ("@mesrai remember: we use tabs", Command(kind=CommandKind.REMEMBER, text="we use tabs")),
        ("@mesrai please remember: we use tabs", Command(kind=CommandKind.REMEMBER, text="we use tabs")),
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
