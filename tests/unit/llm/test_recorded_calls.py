import asyncio
import json
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from tests.scripted_model import Script, ScriptedModel, a_call, an_answer

from mesrai.errors import ModelUnavailable, StoreUnavailable
from mesrai.llm.model import Answer, ModelTurn, Profile, Prompt, ToolTurn, UserTurn
from mesrai.llm.recorded import STOPPED, Came, Recorded, answer_text, prompt_text

KEY = "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z" * 2
PROMPT = Prompt(system="Be strict.", turns=(UserTurn(text=f"key = '{KEY}'"),))


@dataclass
class MemoryBook:
    """See CallBook."""

    begun: list[str] = field(default_factory=list)
    ended: dict[int, Came] = field(default_factory=dict)
    is_away: bool = False

    async def begin(self, prompt: Prompt, profile: Profile, text: str) -> int:
        if self.is_away:
            raise StoreUnavailable("The disk is full.")
        self.begun.append(text)
        return len(self.begun)

    async def end(self, number: int, came: Came) -> None:
        if self.is_away:
            raise StoreUnavailable("The disk is full.")
        self.ended[number] = came


def asked(book: MemoryBook, script: Script, *, keeps_words: bool = True) -> Answer:
    return asyncio.run(Recorded(ScriptedModel(script), book, keeps_words=keeps_words).ask(PROMPT))


def test_a_question_and_its_answer_are_kept_without_credentials() -> None:
    book = MemoryBook()
    asked(book, lambda _: f"Use {KEY}")
    (came,) = book.ended.values()
    assert KEY not in book.begun[0]
    assert json.loads(book.begun[0])["turns"][0]["text"].startswith("key = '[redacted")
    assert json.loads(came.answer)["text"].startswith("Use [redacted")
    assert (came.provider, came.model, came.is_failover, came.error) == ("scripted", "m1", False, "")
    assert (came.usage.input_tokens, came.usage.cost) == (100, Decimal("0.001"))


def test_without_words_only_the_figures_are_kept() -> None:
    book = MemoryBook()
    asked(book, lambda _: "the answer", keeps_words=False)
    assert (book.begun, book.ended[1].answer, book.ended[1].usage.calls) == ([""], "", 1)


def test_an_answer_of_another_model_than_the_main_one_is_a_failover() -> None:
    book = MemoryBook()
    other = Answer(turn=ModelTurn(text="ok"), usage=an_answer("ok").usage, provider="other", model="m2")
    asked(book, lambda _: other)
    assert (book.ended[1].is_failover, book.ended[1].model) == (True, "m2")


def test_a_failure_is_kept_with_its_sentence_and_goes_up() -> None:
    book = MemoryBook()
    with pytest.raises(ModelUnavailable):
        asked(book, lambda _: ModelUnavailable("It is down.", provider="scripted", model="m1"))
    assert (book.ended[1].error, book.ended[1].answer) == ("It is down.", "")


def test_a_question_that_is_stopped_says_so() -> None:
    book = MemoryBook()

    class Never:
        profile = ScriptedModel(lambda _: "").profile

        def __init__(self) -> None:
            self.is_asked = asyncio.Event()

        async def ask(self, prompt: Prompt) -> Answer:
            self.is_asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def run() -> None:
        never = Never()
        task = asyncio.create_task(Recorded(never, book, keeps_words=True).ask(PROMPT))
        await never.is_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert book.ended[1].error == STOPPED


def test_a_store_that_is_away_costs_no_answer_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> list[str]:
        recorded = Recorded(ScriptedModel(lambda _: "fine"), MemoryBook(is_away=True), keeps_words=True)
        return [(await recorded.ask(PROMPT)).turn.text for _ in range(3)]

    assert asyncio.run(run()) == ["fine"] * 3
    assert [each.getMessage() for each in caplog.records] == [
        "What models are asked cannot be kept for now: The disk is full."
    ]


def test_all_turns_of_a_conversation_are_kept_in_their_order() -> None:
    call = a_call("read_file", path="a.py")
    turns = (UserTurn(text="look"), ModelTurn(text="", tool_calls=(call,)), ToolTurn(call_id="c1", text="x = 1"))
    told = json.loads(prompt_text(Prompt(system="s", turns=turns)))
    assert [turn["role"] for turn in told["turns"]] == ["user", "model", "tool"]
    assert told["turns"][1]["calls"] == [{"id": "c1", "name": "read_file", "arguments": '{"path": "a.py"}'}]
    assert json.loads(answer_text(turns[1]))["calls"][0]["name"] == "read_file"
