"""Answers from recorded pairs, and recording them."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.endpoints import READ_FILE, SHAPE, a_prompt
from tests.scripted_model import ScriptedModel, a_profile, an_answer

from mesrai.errors import ModelThrottled, PromptRejected, SettingsError
from mesrai.llm.model import Answer, ModelTurn, Prompt, ToolCall, ToolTurn, UserTurn
from mesrai.llm.replay import Pair, Recording, ReplayModel, fingerprint_of, load_pairs


def ask(pairs: tuple[Pair, ...], prompt: Prompt) -> Answer:
    return asyncio.run(ReplayModel(pairs, a_profile()).ask(prompt))


def written(path: Path, entries: Any) -> Path:
    path.write_text(json.dumps(entries), "utf-8")
    return path


def test_the_first_pair_whose_conditions_all_hold_answers() -> None:
    pairs = (
        Pair(contains=("Review", "absent"), text="no"),
        Pair(contains=("Review",), shape="other", text="no"),
        Pair(contains=("Review",), answers_before=1, text="second"),
        Pair(contains=("Review", "code"), shape="submit_review", text="yes"),
        Pair(text="anything"),
    )
    prompt = a_prompt(shape=SHAPE)
    assert ask(pairs, prompt).turn.text == "yes"
    later = replace(prompt, turns=(*prompt.turns, ModelTurn(text="x"), UserTurn(text="again")))
    assert ask(pairs, later).turn.text == "second"
    assert ask(pairs, a_prompt("Other.")).turn.text == "anything"


def test_a_prompt_without_an_answer_is_named() -> None:
    prompt = a_prompt("Review the whole of it, please.")
    with pytest.raises(PromptRejected) as caught:
        ask((), prompt)
    assert fingerprint_of(prompt)[:12] in caught.value.message
    assert 'ends: "You review code. Review the whole of it, please."' in caught.value.message


def test_a_recorded_failure_is_raised() -> None:
    with pytest.raises(ModelThrottled, match="Slow down"):
        ask((Pair(error="ModelThrottled", message="Slow down."),), a_prompt())


def test_the_fingerprint_is_of_what_is_said_and_of_nothing_else() -> None:
    prompt = a_prompt(tools=(READ_FILE,), shape=SHAPE)
    same = replace(prompt, cache_key="k", max_output_tokens=1, may_call_tools=False)
    assert fingerprint_of(same) == fingerprint_of(prompt)
    call = ToolCall(id="1", name="read_file", arguments="{}")
    others = [
        replace(prompt, system="x"),
        replace(prompt, tools=()),
        replace(prompt, shape=None),
        replace(prompt, turns=(*prompt.turns, ModelTurn(text="x"))),
        replace(prompt, turns=(*prompt.turns, ModelTurn(text="x", tool_calls=(call,)))),
        replace(prompt, turns=(*prompt.turns, UserTurn(text="x"))),
        replace(prompt, turns=(*prompt.turns, ToolTurn(call_id="1", text="x"))),
    ]
    assert len({fingerprint_of(each) for each in [prompt, *others]}) == len(others) + 1


def test_what_was_recorded_is_replayed(tmp_path: Path) -> None:
    call = ToolCall(id="1", name="read_file", arguments='{"path": "ü.py"}')
    model = Recording(ScriptedModel(lambda prompt: an_answer(prompt.system, calls=(call,))), tmp_path / "pairs.json")
    prompts = [a_prompt(system=system) for system in ("one", "two")]
    recorded = [asyncio.run(model.ask(prompt)) for prompt in prompts]
    pairs = load_pairs(tmp_path / "pairs.json")
    replayed = [ask(pairs, prompt) for prompt in prompts]
    assert [answer.turn for answer in replayed] == [answer.turn for answer in recorded]
    assert [answer.usage.input_tokens for answer in replayed] == [100, 100]
    assert list(tmp_path.iterdir()) == [tmp_path / "pairs.json"]
    assert model.profile == a_profile()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"text": "x"}, "must be a list"),
        (["x"], r"pairs.json\[0\] must be an object"),
        ([{"text": "x"}, {"txt": "x"}], r"pairs.json\[1\] does not have the fields"),
        ([{"error": "NoSuchError"}], "no kind of ModelError"),
        ([{"error": "SettingsError"}], "no kind of ModelError"),
        ([{"error": "NoModelLeft"}], "no kind of ModelError"),
    ],
)
def test_a_file_that_is_no_recording_is_told_so(tmp_path: Path, entries: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_pairs(written(tmp_path / "pairs.json", entries))


def test_a_missing_or_broken_file_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_pairs(tmp_path / "none.json")
    (tmp_path / "half.json").write_text("[{")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_pairs(tmp_path / "half.json")
