"""What a test came to, for people and for programs."""

from collections.abc import Callable
from typing import Any, Final

from mesrai.cli.exits import Exit
from mesrai.flows.model_words import PROBLEMS, STAGES, provider_said, spent_said
from mesrai.llm.probing import Advice, Diagnosis, Problem, Tested
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.untrusted import one_line

CommandFor = Callable[[Advice], str]

_KEY_PROBLEMS: Final = (Problem.WRONG_PLAN, Problem.BAD_KEY)


def exit_of(tested: Tested) -> Exit:
    """The code a review on this connection would end with, as far as was tested."""
    if tested.diagnosis is None:
        return Exit.FAILED if tested.is_failed else Exit.FINE
    if not tested.is_failed:
        return Exit.FINE
    return Exit.CREDENTIALS if tested.diagnosis.problem in _KEY_PROBLEMS else Exit.FAILED


def verdict_text(tested: Tested, look: Look, command_for: CommandFor | None = None) -> str:
    """What is wrong and what to do, or what is proven and what is not; then what the provider said.

    `command_for` gives the command that follows a piece of advice, or an empty text.
    """
    sheet = Sheet(look)
    sheet.line(("", ""))
    if tested.diagnosis is not None:
        _diagnosis(sheet, tested.diagnosis, command_for or _no_command, is_failed=tested.is_failed)
    elif tested.is_failed:
        sheet.prose(("The test failed.", "bold red"))
    elif not tested.is_proven:
        sheet.prose(("Nothing is wrong as far as was tested.", "bold green"))
    if tested.is_proven:
        spent = spent_said(tested)
        sheet.prose(("The model answers as reviews need it.", "bold green"), (spent and f" {spent}", "dim"))
    for text in tested.unproven:
        sheet.prose(("Not proven: ", "yellow"), (one_line(text, 500), ""), hang=2)
    for text in tested.notices:
        sheet.prose(("Note: ", "yellow"), (one_line(text, 500), ""), hang=2)
    return sheet.text()


def json_of_test(tested: Tested) -> dict[str, Any]:
    """The test as one JSON object."""
    usage = tested.usage
    return {
        "proven": tested.is_proven,
        "failed": tested.is_failed,
        "stages": [
            {
                "stage": str(each.stage),
                "title": STAGES[each.stage],
                "state": str(each.state),
                "told": each.told,
                "facts": list(each.facts),
                "took_s": round(each.took_s, 3),
            }
            for each in tested.stages
        ],
        "diagnosis": _diagnosis_json(tested.diagnosis) if tested.diagnosis else None,
        "unproven": list(tested.unproven),
        "notices": list(tested.notices),
        "models": list(tested.listed),
        "usage": {
            "calls": usage.calls,
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "cost": None if usage.cost is None else str(usage.cost),
            "currency": usage.currency,
        },
    }


def _no_command(_advice: Advice) -> str:
    return ""


def _diagnosis(sheet: Sheet, found: Diagnosis, command_for: CommandFor, *, is_failed: bool) -> None:
    sheet.prose((f"{PROBLEMS[found.problem]}. ", "bold red" if is_failed else "bold yellow"), (_told(found), ""))
    if found.resets_at:
        sheet.prose((f"It is open again at {one_line(found.resets_at, 60)}.", ""))
    if found.advice:
        sheet.gap()
        sheet.line(("What to do", "bold"))
    for number, each in enumerate(found.advice, 1):
        sheet.prose((f"{number}. ", "dim"), (one_line(each.told, 500), ""), indent=2, hang=3)
        if command := command_for(each):
            sheet.line((one_line(command, 300), "cyan"), indent=5)
        if each.link and each.link not in each.told:
            sheet.prose((one_line(each.link, 300), "cyan"), indent=5)
    if said := provider_said(found):
        sheet.gap()
        sheet.prose((said, "dim"))
    sheet.gap()


def _told(found: Diagnosis) -> str:
    return one_line(found.told, 600)


def _diagnosis_json(found: Diagnosis) -> dict[str, Any]:
    return {
        "problem": str(found.problem),
        "told": found.told,
        "advice": [_advice_json(each) for each in found.advice],
        "provider_words": found.provider_words,
        "request_id": found.request_id,
        "status": found.status,
        "resets_at": found.resets_at,
    }


def _advice_json(advice: Advice) -> dict[str, str]:
    said = {
        "step": str(advice.step),
        "told": advice.told,
        "provider": advice.provider,
        "model": advice.model,
        "base_url": advice.base_url,
        "link": advice.link,
    }
    return {name: value for name, value in said.items() if value}
