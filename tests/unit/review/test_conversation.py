"""A conversation ends in an answer of the right shape or in an error, within its steps."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from tests.scripted_model import ScriptedModel, a_call, in_turn

from mesrai.domain.change import At, Change, Revision
from mesrai.errors import AnswerUnreadable, ModelAuth
from mesrai.forges.forge import LogEntry, Match, Tree
from mesrai.llm.model import ModelTurn, Prompt, ToolTurn, UserTurn
from mesrai.review.answers import Verdict, read_verdicts
from mesrai.review.conversation import Ledger, Reply, converse
from mesrai.review.tools import Toolbox

VERDICT = {"number": 1, "evidence": "e", "verdict": "refuted", "severity": "low", "confidence": 1}
OUTSIDE = "Error: `path` must be relative to the repository's root and stay inside it"
GOOD = json.dumps({"verdicts": [VERDICT]})


Verdicts = Reply[tuple[Verdict, ...]]


class OneFile:
    """A source, and its tree, with one file."""

    @property
    def tree(self) -> Tree:
        return self

    async def change(self) -> Change:
        return Change(revision=Revision(base="b", head="h"), files=())

    async def file(self, path: str, _at: At) -> bytes | None:
        return b"first\nsecond\n" if path == "a.py" else None

    async def below(self, folder: str, _at: At) -> list[str]:
        return [path for path in await self.paths() if path.startswith(f"{folder}/")]

    async def paths(self) -> list[str]:
        return ["a.py", "src/b.py", "src/deep/c.py"]

    async def search(
        self,
        text: str,
        *,
        word: bool = False,
        regex: bool = False,
        under: str = "",
        endings: Sequence[str] = (),
        most: int = 100,
    ) -> list[Match]:
        return [Match(path="a.py", line=2, text="second")] if text in "second" else []

    async def history(self, path: str, line: int, *, most: int = 5) -> list[LogEntry]:
        return [LogEntry(commit="c" * 40, date="2026-01-02T00:00:00Z", subject="Add it")]


def talk(
    model: ScriptedModel, *, steps: int = 3, most_chars: int = 10_000
) -> tuple[Reply[tuple[Verdict, ...]], Ledger]:
    ledger = Ledger()
    toolbox = Toolbox(OneFile(), most_chars=most_chars)
    prompt = Prompt(system="s", turns=(UserTurn(text="u"),), tools=toolbox.tools)
    reply = asyncio.run(
        converse(model, prompt, toolbox=toolbox, steps=steps, read=lambda text: read_verdicts(text, 1), ledger=ledger)
    )
    return reply, ledger


def results(model: ScriptedModel) -> list[str]:
    return [turn.text for turn in model.prompts[-1].turns if isinstance(turn, ToolTurn)]


def test_a_good_answer_ends_the_conversation_at_once() -> None:
    model = ScriptedModel(in_turn(GOOD))
    _, ledger = talk(model)
    assert (len(model.prompts), ledger.total.calls, ledger.total.input_tokens) == (1, 1, 100)


def test_looked_up_text_goes_back_to_the_model() -> None:
    model = ScriptedModel(in_turn([a_call("read_file", path="a.py", start_line=2)], GOOD))
    talk(model)
    assert results(model) == ["a.py, lines 2 to 2 of 2\n    2   second"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (a_call("search_text", text="second"), "a.py:2: second"),
        (a_call("search_text", text="absent"), "Nothing contains 'absent'."),
        (a_call("list_directory", path="src"), "b.py\ndeep/"),
        (a_call("line_history", path="a.py", line=1), "2026-01-02 cccccccccccc Add it"),
        (a_call("read_file", path="../x"), OUTSIDE),
        (a_call("read_file", path="b.py"), "Error: there is no readable file 'b.py' after the change"),
        (a_call("read_file", path="a.py", start_line=9), "Error: a.py has 2 lines"),
        (a_call("read_file"), "Error: `path` must be one line of text, at most 200 characters"),
        (a_call("list_directory", path="none"), "Error: there is no folder 'none'"),
        (a_call("run_shell", command="ls"), "Error: there is no tool 'run_shell'; there are read_file, search_text, "
         "find_definition, find_references, list_directory, line_history"),
    ],
)  # fmt: skip
def test_each_look_up_gives_its_text_or_says_why_not(call: object, text: str) -> None:
    model = ScriptedModel(in_turn([call], GOOD))  # type: ignore[list-item]
    talk(model)
    assert results(model) == [text]


def test_malformed_arguments_are_told_to_the_model() -> None:
    broken = a_call("read_file")
    model = ScriptedModel(in_turn([type(broken)(id="c1", name="read_file", arguments='{"path": ')], GOOD))
    talk(model)
    assert results(model)[0].startswith("Error: the arguments are not valid JSON")


def test_every_call_of_a_turn_gets_a_result() -> None:
    calls = [a_call("list_directory", f"c{number}", path="") for number in range(10)]
    model = ScriptedModel(in_turn(calls, GOOD))
    talk(model)
    turns = [turn for turn in model.prompts[-1].turns if isinstance(turn, ToolTurn)]
    assert [turn.call_id for turn in turns] == [call.id for call in calls]
    assert turns[-1].text == "Error: too many calls at once"


def test_when_the_steps_are_used_up_the_model_must_answer() -> None:
    model = ScriptedModel(lambda prompt: [a_call("list_directory", path="")] if prompt.may_call_tools else GOOD)
    talk(model, steps=2)
    assert [prompt.may_call_tools for prompt in model.prompts] == [True, True, False]
    last = model.prompts[-1].turns[-1]
    assert last == UserTurn(text="No more look-ups. Give the final answer now, as one JSON object.")


def test_when_the_budget_is_used_up_the_model_must_answer() -> None:
    model = ScriptedModel(in_turn([a_call("read_file", path="a.py")], GOOD))
    talk(model, most_chars=5)
    assert results(model) == ["a.py,\n[cut: 5 of 52 characters are shown; ask for something narrower]"]
    assert model.prompts[-1].may_call_tools is False


def test_a_misshapen_answer_is_repaired_once() -> None:
    model = ScriptedModel(in_turn("Looks good to me!", GOOD))
    talk(model)
    *_, said, asked = model.prompts[-1].turns
    assert said == ModelTurn(text="Looks good to me!")
    assert isinstance(asked, UserTurn)
    assert "not valid JSON" in asked.text


def test_a_second_misshapen_answer_is_an_error_and_never_an_empty_result() -> None:
    with pytest.raises(AnswerUnreadable, match="even after one repair"):
        talk(ScriptedModel(in_turn("Looks good to me!", "Really, it is fine.")))


def test_a_model_that_calls_tools_when_it_must_not_gets_results_before_the_repair() -> None:
    model = ScriptedModel(in_turn([a_call("read_file", path="a.py")], [a_call("read_file", "c2", path="a.py")], GOOD))
    talk(model, steps=0)
    assert [turn.call_id for turn in model.prompts[-1].turns if isinstance(turn, ToolTurn)] == ["c1", "c2"]


def test_failures_are_counted_and_go_up() -> None:
    ledger = Ledger()
    failure = ModelAuth(provider="scripted", model="m1")
    failure.calls = 2
    model = ScriptedModel(in_turn(failure))
    toolbox = Toolbox(OneFile(), most_chars=0)
    with pytest.raises(ModelAuth):
        asyncio.run(
            converse(
                model,
                Prompt(system="", turns=()),
                toolbox=toolbox,
                steps=0,
                read=lambda text: read_verdicts(text, 1),
                ledger=ledger,
            )
        )
    assert (ledger.total.calls, ledger.in_flight) == (2, 0)
