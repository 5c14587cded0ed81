import io
from decimal import Decimal

import pytest

from mesrai.cli.byok.card_words import put_cards
from mesrai.cli.byok.describing import compact, put_said
from mesrai.cli.byok.stages import stage_text, stages_shown
from mesrai.cli.byok.talk import Choice, Talk, picked, show
from mesrai.cli.byok.verdict import exit_of, json_of_test, verdict_text
from mesrai.cli.exits import Exit
from mesrai.domain.usage import Usage
from mesrai.llm import probing
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.probing import Advice, Diagnosis, Problem, Stage, StageResult, State, Step
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet

CARDS = [
    Choice(name="Kimi K2.6 Coding", also=("kimi-k2.6",)),
    Choice(name="Kimi K2.7 Code", also=("kimi-k2.7-code",)),
    Choice(name="Configure manually", also=("manual",)),
]
LOOK = Look(width=90)


def a_failed_test(problem: Problem = Problem.WRONG_PLAN, **changes: object) -> probing.Tested:
    diagnosis = {
        "problem": problem,
        "told": "This key belongs to the Kimi Code Plan.",
        "advice": (
            Advice(step=Step.SWITCH_PLAN, told="Switch to the Kimi Code Plan.", provider="kimi_code"),
            Advice(step=Step.REPLACE_KEY, told="Or make a key of the Developer API.", link="https://example.com/keys"),
        ),
        "provider_words": "Invalid Authentication",
        "request_id": "req-1",
        "status": 401,
    }
    return probing.Tested(
        stages=(
            StageResult(stage=Stage.ADDRESS, state=State.PASSED, told="It answers.", took_s=0.12),
            StageResult(stage=Stage.KEY, state=State.FAILED, told="The key is refused.", took_s=0.2),
            StageResult(stage=Stage.MODEL, state=State.SKIPPED),
        ),
        diagnosis=Diagnosis(**(diagnosis | changes)),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("1", 0), ("3", 2), ("0", None), ("4", None), ("", None), ("kimi", None), ("kimi k2.6", 0), ("KIMI-K2.7", 1),
        ("kimi-k2.7-code", 1), ("man", 2), ("gpt", None), ("0.3", None), ("-1", None),
    ],
)  # fmt: skip
def test_answer_picks_by_number_name_or_the_beginning_of_one(answer: str, found: int | None) -> None:
    assert picked(answer, CARDS) == found


def test_whole_name_wins_over_the_beginning_of_a_longer_one() -> None:
    assert picked("glm", [Choice(name="GLM 5"), Choice(name="GLM")]) == 1


@pytest.mark.parametrize("width", [40, 44, 50, 80, 120])
def test_settings_are_whole_at_any_width(width: int) -> None:
    address = "http://127.0.0.1:8471/zai/api/coding/paas/v4 (OpenAI's chat completions)"
    sheet = Sheet(Look(width=width))
    put_said(sheet, [("address", address)], indent=10)
    text = sheet.text()
    assert max(map(len, text.splitlines())) <= width
    assert "".join(text.split()) == "address" + "".join(address.split())


def test_json_breaks_after_a_comma() -> None:
    assert compact({"a": {"b": 1}, "c": 2}) == '{"a":{"b":1}, "c":2}'


@pytest.mark.parametrize("width", [80, 120])
def test_list_of_cards_is_never_cut(width: int) -> None:
    catalogue = load_catalogue()
    sheet = Sheet(Look(width=width))
    put_cards(sheet, catalogue.cards, catalogue, has_plans=True)
    text = sheet.text()
    assert "…" not in text
    assert ("2026-09-29" in text) == (width == 120)


def test_terminal_without_unicode_shows_a_key_as_stars() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(Talk(out=out, look=Look(is_unicode=False)), "key  ••••m-ok\n")
    out.seek(0)
    assert out.read() == "key  ****m-ok\n"


def test_stage_is_one_line_with_its_time_and_its_facts_below() -> None:
    result = StageResult(stage=Stage.KEY, state=State.LIMITED, told="Taken.", facts=("Balance: 1 USD",), took_s=0.25)
    assert stage_text(result, LOOK) == (
        "   note  Key             250 ms  Taken.\n                                 Balance: 1 USD\n"
    )


def test_stage_that_nobody_asked_for_is_not_shown() -> None:
    assert stage_text(StageResult(stage=Stage.SHAPE, state=State.SKIPPED), LOOK) == ""


def test_words_from_outside_cannot_act_on_the_terminal() -> None:
    text = stage_text(StageResult(stage=Stage.KEY, state=State.FAILED, told="\x1b[2Jno\x07", took_s=0), LOOK)
    assert "\x1b" not in text
    assert "\x07" not in text
    words = verdict_text(a_failed_test(provider_words="\x1b]0;title\x07", request_id="\x1b[1m"), LOOK)
    assert "\x1b" not in words


def test_program_sees_no_stage_and_a_pipe_only_ended_ones() -> None:
    running = StageResult(stage=Stage.KEY, state=State.RUNNING)
    passed = StageResult(stage=Stage.KEY, state=State.PASSED, told="Taken.", took_s=1.0)
    shown = []
    for is_json in (True, False):
        talk = Talk(out=io.StringIO(), look=LOOK, is_json=is_json)
        with stages_shown(talk) as watch:
            watch(running)
            watch(passed)
        assert isinstance(talk.out, io.StringIO)
        shown.append(talk.out.getvalue())
    assert shown == ["", "     ok  Key              1.0 s  Taken.\n"]


def test_verdict_says_what_is_wrong_then_what_to_do_then_what_the_provider_said() -> None:
    assert verdict_text(a_failed_test(), LOOK) == (
        "\n"
        "The key belongs to another plan. This key belongs to the Kimi Code Plan.\n"
        "\n"
        "What to do\n"
        "  1. Switch to the Kimi Code Plan.\n"
        "  2. Or make a key of the Developer API.\n"
        "     https://example.com/keys\n"
        "\n"
        "The provider said (status 401, request req-1): “Invalid Authentication”\n"
        "\n"
    )


def test_free_test_says_what_it_did_not_prove() -> None:
    tested = probing.Tested(
        stages=(StageResult(stage=Stage.KEY, state=State.PASSED),), unproven=("That the model answers.",)
    )
    assert verdict_text(tested, LOOK) == (
        "\nNothing is wrong as far as was tested.\nNot proven: That the model answers.\n"
    )
    assert exit_of(tested) is Exit.FINE


def test_full_test_says_what_it_took() -> None:
    asked = (Stage.INFERENCE, Stage.TOOLS, Stage.SHAPE)
    tested = probing.Tested(
        stages=tuple(StageResult(stage=each, state=State.PASSED) for each in asked),
        usage=Usage(calls=4, input_tokens=1_200, output_tokens=300, cost=Decimal("0.0023"), currency="USD"),
    )
    assert verdict_text(tested, LOOK) == (
        "\nThe model answers as reviews need it. The test took 4 calls, 1,500 tokens, 0.0023 USD.\n"
    )


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Problem.WRONG_PLAN, Exit.CREDENTIALS),
        (Problem.BAD_KEY, Exit.CREDENTIALS),
        (Problem.OUT_OF_CREDIT, Exit.FAILED),
        (Problem.UNREACHABLE, Exit.FAILED),
        (Problem.UNKNOWN_MODEL, Exit.FAILED),
    ],
)
def test_exit_code_is_that_of_a_review(problem: Problem, code: Exit) -> None:
    assert exit_of(a_failed_test(problem)) is code


def test_limited_connection_is_no_failure() -> None:
    limited = probing.Tested(
        stages=(StageResult(stage=Stage.KEY, state=State.LIMITED),),
        diagnosis=Diagnosis(problem=Problem.THROTTLED, told="Reachable."),
    )
    assert exit_of(limited) is Exit.FINE


@pytest.mark.parametrize("problem", list(Problem))
def test_every_problem_has_its_words(problem: Problem) -> None:
    assert verdict_text(a_failed_test(problem), LOOK).count("This key belongs") == 1


def test_program_gets_everything_as_one_object() -> None:
    told = json_of_test(a_failed_test())
    assert (told["proven"], told["failed"]) == (False, True)
    assert [(each["stage"], each["state"]) for each in told["stages"]] == [
        ("address", "passed"), ("key", "failed"), ("model", "skipped"),
    ]  # fmt: skip
    assert told["diagnosis"] == {
        "problem": "wrong_plan",
        "told": "This key belongs to the Kimi Code Plan.",
        "advice": [
            {"step": "switch_plan", "told": "Switch to the Kimi Code Plan.", "provider": "kimi_code"},
            {
                "step": "replace_key",
                "told": "Or make a key of the Developer API.",
                "link": "https://example.com/keys",
            },
        ],
        "provider_words": "Invalid Authentication",
        "request_id": "req-1",
        "status": 401,
        "resets_at": "",
    }
