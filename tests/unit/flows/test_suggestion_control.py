"""How many findings are shown on a pull request, and which: what the owners set, seen where it is posted."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.reviewing import Bench, a_bench
from tests.scripted_model import Script

from mesrai.llm.model import Prompt, UserTurn

FILES = ("a.py", "b.py")
LINES = 12
WORDS = (
    "Loses any coupon",
    "Doubles its price",
    "Skips our tax",
    "Forgets the cart",
    "Prints one total",
    "Reads some stale rate",
)
Found = tuple[str, int, str, str]  # path, line, title, severity


def a_model_that_finds(*findings: Found) -> Script:
    """It finds these, and confirms all."""

    def script(prompt: Prompt) -> str:
        first = prompt.turns[0]
        assert isinstance(first, UserTurn)
        if prompt.shape is not None and prompt.shape.name == "submit_review":
            listed = first.text.split("each with an entry in `files`:\n", 1)[1]
            paths = re.findall(r"^- (.+)$", listed, re.MULTILINE)
            told = [_finding(*each) for each in findings if each[0] in paths]
            notes = [{"path": path, "note": "changed"} for path in paths]
            return json.dumps({"files": notes, "findings": told, "summary": "Lines."})
        count = int(re.findall(r"numbered 1 to (\d+)", first.text)[0])
        one = {"evidence": "seen", "verdict": "confirmed", "confidence": 0.9}
        return json.dumps({"verdicts": [{"number": number, **one, "severity": None} for number in range(1, count + 1)]})

    return script


def _finding(path: str, line: int, title: str, severity: str) -> dict[str, object]:
    return {
        "path": path,
        "line": line,
        "quote": f"value_{line} = compute({line})",
        "evidence": "seen",
        "title": title,
        "body": f"{title}, as this line shows.",
        "category": "bug",
        "severity": severity,
        "confidence": 0.9,
        "replacement": None,
    }


def play(folder: Path, control: str, findings: tuple[Found, ...], story: Callable[[Bench], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with a_bench(folder) as bench:
            bench.base = {"mesrai-config.yml": f"suggestionControl:\n{control}"}
            code = "".join(f"value_{at} = compute({at})\n" for at in range(1, LINES + 1))
            bench.head = {**bench.base, **dict.fromkeys(FILES, code)}
            bench.says(a_model_that_finds(*findings))
            assert (await bench.reviewed()).startswith("reviewed")
            await story(bench)

    asyncio.run(scenario())


def places(bench: Bench) -> list[str]:
    """Where comments stand, and on which files."""
    return sorted(thread.path for thread in bench.forge.all_threads)


MANY: tuple[Found, ...] = (
    *(("a.py", 2 * at + 1, word, "high") for at, word in enumerate(WORDS)),
    *(("b.py", 2 * at + 1, word[::-1], "high") for at, word in enumerate(WORDS)),  # no two say the same
)


@pytest.mark.parametrize(
    ("control", "shown", "cut"),
    [
        ("  limitationType: pr\n  maxSuggestions: 7\n", 7, 5),
        ("  limitationType: file\n  maxSuggestions: 4\n", 8, 4),
        ("  maxSuggestions: 0\n", 12, 0),
    ],
)
def test_no_more_are_shown_than_the_owners_want_and_the_rest_is_counted(
    tmp_path: Path, control: str, shown: int, cut: int
) -> None:
    async def story(bench: Bench) -> None:
        assert len(places(bench)) == shown
        assert (f"{cut} findings not shown" in bench.forge.summary) == bool(cut)
        assert bench.forge.summary.count("over the limit of") == cut

    play(tmp_path, control, MANY, story)


def test_a_limit_by_file_is_one_for_each_file(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert places(bench) == ["a.py"] * 4 + ["b.py"] * 4

    play(tmp_path, "  limitationType: file\n  maxSuggestions: 4\n", MANY, story)


def test_what_is_less_severe_than_the_owners_want_is_counted_with_the_reason(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert places(bench) == ["a.py"]
        assert "1 finding not shown" in bench.forge.summary
        assert "its severity is below medium" in bench.forge.summary

    findings: tuple[Found, ...] = (("a.py", 1, WORDS[0], "high"), ("b.py", 1, WORDS[1], "low"))
    play(tmp_path, "  severityLevelFilter: medium\n", findings, story)


SAME: tuple[Found, ...] = (("a.py", 1, WORDS[0], "high"), ("a.py", 9, WORDS[0], "high"), ("b.py", 5, WORDS[0], "high"))


def test_the_same_in_several_places_is_one_comment_that_lists_them(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        (thread,) = bench.forge.all_threads
        body = thread.comments[0].body
        others = {("a.py", 1), ("a.py", 9), ("b.py", 5)} - {(thread.path, thread.line)}
        assert all(f"{path}:{line}" in body for path, line in others)
        assert "2 findings not shown" in bench.forge.summary
        assert "listed with the same finding" in bench.forge.summary

    play(tmp_path, "  groupingMode: full\n", SAME, story)


def test_the_same_in_several_places_is_a_comment_each_where_the_owners_want_that(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert places(bench) == ["a.py", "a.py", "b.py"]
        assert "not shown" not in bench.forge.summary

    play(tmp_path, "  groupingMode: individual\n", SAME, story)
