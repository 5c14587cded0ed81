"""What the model asks to look at: whatever it writes, it gets text, and never anything outside the repository."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.clones import Hall, a_hall, pull_request_on

from mesrai.domain.pull_request import PullRequest
from mesrai.forges.clones import CloneSource
from mesrai.llm.model import ToolCall
from mesrai.review.tools import TOOLS, Toolbox

OUTSIDE = "stay inside it"
FAR_FUTURE = 999_999_999_999  # seconds: the year 33658


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hall, PullRequest]]:
    with a_hall(tmp_path_factory.mktemp("tools")) as hall:
        start = hall.on_main({"a.py": "x = 1\n"})
        work = hall.hosted.work
        work.git("checkout", "--quiet", "-B", "work", start)
        work.write("a.py", "x = 2\n")
        work.git("add", "a.py")
        who = f"ada <a@b> {FAR_FUTURE} +0000"
        raw = f"tree {work.git('write-tree')}\nparent {start}\nauthor {who}\ncommitter {who}\n\nlater\n".encode()
        work.git("reset", "--quiet", "--hard", work.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=raw))
        yield hall, pull_request_on(hall.hosted.open(7))


def results(hall: tuple[Hall, PullRequest], *calls: tuple[str, Any]) -> list[str]:
    async def use(source: CloneSource) -> list[str]:
        return [
            await Toolbox(source, most_chars=20_000).run(
                ToolCall(id="1", name=name, arguments=said if isinstance(said, str) else json.dumps(said))
            )
            for name, said in calls
        ]

    return hall[0].use(hall[1], use)


@pytest.mark.parametrize("path", ["../a.py", "/etc/passwd", "a/../../b", "./../x", ".."])
def test_no_path_leads_out_of_the_repository_or_names_a_folder_of_ours(
    hall: tuple[Hall, PullRequest], path: str
) -> None:
    read, searched, told = results(
        hall,
        ("read_file", {"path": path}),
        ("search_text", {"text": "x", "under": path}),
        ("line_history", {"path": path, "line": 1}),
    )
    assert OUTSIDE in read
    assert OUTSIDE in searched
    assert OUTSIDE in told
    assert str(hall[0].folder) not in read + searched + told


@pytest.mark.parametrize("path", [".git/config", "config", "HEAD", "objects", ":(top)a.py", "--output=x", "*", "a.py/"])
def test_names_that_mean_something_to_git_are_only_names(hall: tuple[Hall, PullRequest], path: str) -> None:
    [read] = results(hall, ("read_file", {"path": path}))
    assert read == f"Error: there is no readable file {path!r} after the change"


def test_a_commit_from_the_far_future_is_told_as_far_as_a_calendar_goes(hall: tuple[Hall, PullRequest]) -> None:
    [told] = results(hall, ("line_history", {"path": "a.py", "line": 1}))
    first, second = told.splitlines()
    assert (first[:11], first[-6:], second[-7:]) == ("9999-12-31 ", " later", " change")


ODD: st.SearchStrategy[Any] = st.sampled_from(
    ["²", "9" * 5_000, 10**400, -(10**400), "\ud800", "\udcff", "\0", "a\nb", "../..", "/etc", ":(top)", "-e(", "--",
     "*", "", "a.py", "x", "1", 1, 0, -1, True, None, 1.5, [], {}]
)  # fmt: skip
NAMES = st.sampled_from([tool.name for tool in TOOLS] + ["run_shell"])
KEYS = st.sampled_from(["path", "text", "name", "line", "start_line", "end_line", "under", "whole_word", "other"])
ARGUMENTS = st.dictionaries(KEYS, ODD, max_size=5) | st.text(max_size=10) | st.sampled_from(["[" * 9_000, "null", "[]"])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(NAMES, ARGUMENTS), min_size=5, max_size=9))
def test_whatever_a_call_holds_its_result_is_text(hall: tuple[Hall, PullRequest], calls: list[tuple[str, Any]]) -> None:
    for result in results(hall, *calls):
        result.encode("utf-8")
        assert str(hall[0].folder) not in result


@pytest.mark.parametrize(
    "call",
    [
        ("search_text", {"text": "\ud800"}),
        ("search_text", {"text": "x", "under": "\ud800"}),
        ("line_history", {"path": "a.py", "line": "²"}),
        ("line_history", {"path": "a.py", "line": 10**400}),
        ("read_file", {"path": "a.py", "start_line": "9" * 5_000}),
        ("read_file", {"path": "a.py", "end_line": -(10**400)}),
    ],
    ids=lambda call: call[0],
)
def test_what_no_text_and_no_number_can_be_is_told_to_the_model(
    hall: tuple[Hall, PullRequest], call: tuple[str, Any]
) -> None:
    assert results(hall, call)[0].startswith("Error: `")
