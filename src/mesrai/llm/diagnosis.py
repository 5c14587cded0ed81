"""What is wrong with a connection, from the error it ended in: the true cause in words, and what to do about it."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerRefused,
    AnswerUnreadable,
    BudgetSpent,
    MesraiError,
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOutOfCredit,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    NoModelLeft,
    PromptRejected,
    PromptTooLong,
)
from mesrai.llm import remedies
from mesrai.llm.key_families import own_prefixes, prefix_of, rows_for_key
from mesrai.llm.probe_case import Case
from mesrai.llm.probing import Advice, Diagnosis, Problem, Stage, Step
from mesrai.llm.words import safe_words

# The end of a message that llm.classify made of a provider's words.
_WORDS: Final = re.compile(
    r" \((?:HTTP \d{3}|an error inside HTTP 200|a gateway's page)(?:: \"(?P<words>.*)\"|, without a word)\)"
)
_MOST_TOLD: Final = 500
_Verdict = tuple[Problem, str, tuple[Advice, ...]]
_Rule = Callable[[ModelError, Case, Stage], _Verdict]


def diagnose(error: MesraiError, case: Case, stage: Stage) -> Diagnosis:
    """The diagnosis of what ended a stage. Never raises; no part of it holds the key."""
    if isinstance(error, NoModelLeft) and error.causes:
        return diagnose(error.causes[-1], case, stage)
    if not isinstance(error, ModelError):
        told = case.without_key(safe_words(error.message, _MOST_TOLD))
        check = Advice(step=Step.CHECK_NETWORK, told="Check the database in which Mesrai keeps limits and spending.")
        return Diagnosis(problem=Problem.UNREACHABLE, told=told, advice=(check,))
    rule = next((rule for kind, rule in _RULES.items() if isinstance(error, kind)), _failed)
    problem, told, advice = rule(error, case, stage)
    return Diagnosis(
        problem=problem,
        told=case.without_key(told),
        advice=advice,
        provider_words=safe_words(case.without_key(words_of(error))),
        request_id=case.without_key(error.request_id),
        status=error.status,
        resets_at=safe_words(case.without_key(time_in(error.resets_at)), 60),
    )


def words_of(error: ModelError) -> str:
    """The provider's own words in an error's message; empty if it holds none."""
    found = _WORDS.search(error.message)
    return (found["words"] or "") if found else ""


def sentence_of(error: ModelError, case: Case) -> str:
    """An error's message without who was asked and what the provider said."""
    message = error.message.removeprefix(f"{case.row.id}/{case.connection.model}: ")
    return safe_words(_WORDS.sub("", message), _MOST_TOLD)


def _key(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    key, row = case.connection.key, case.row
    if not key:
        return Problem.BAD_KEY, f"{case.place} wants a key, and none is set.", remedies.new_key(case)
    theirs = rows_for_key(key, case.catalogue.providers)
    if theirs and row not in theirs:
        prefix = prefix_of(key, case.catalogue.providers)
        told = f"This key begins with {prefix}, as keys of {theirs[0].name} do; you chose {row.name}."
        several = remedies.search(case) if len(theirs) > 1 else ()
        return Problem.WRONG_PLAN, told, (*remedies.switches(case, theirs), *several, *remedies.new_key(case))
    mine = own_prefixes(row)
    if mine and not key.open().startswith(mine):
        told = f"Keys of {row.name} begin with {' or '.join(mine)}; this one does not."
        if not case.homes:
            return Problem.BAD_KEY, told, remedies.new_key(case)
        told += f" It may belong to {' or '.join(each.name for each in case.homes)}."
        found = (*remedies.switches(case, case.homes), *remedies.search(case), *remedies.new_key(case))
        return Problem.WRONG_PLAN, told, found
    if case.homes:
        names = ", ".join(each.name for each in case.homes)
        told = (
            f"{row.name} does not accept this key. Keys of {names} look the same; each works at its own address only."
        )
        return Problem.BAD_KEY, told, (*remedies.search(case), *remedies.new_key(case))
    return Problem.BAD_KEY, sentence_of(error, case), remedies.new_key(case)


def _closed(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    words, sentence = words_of(error).lower(), sentence_of(error, case)
    if error.status in (None, 407) or sentence.startswith("The proxy"):
        return Problem.UNREACHABLE, sentence, remedies.network(case)
    if "only available for coding agents" in words:
        told = "This surface admits only the coding agents its vendor lists. The key is not at fault."
        return Problem.NOT_ADMITTED, told, remedies.messages_surface(case)
    if "a gateway's page" in error.message:
        return Problem.NOT_ADMITTED, sentence, remedies.network(case)
    if "ip is not allowed" in words:
        told = "The organisation at the provider lets only listed network addresses in, and this machine's is not one."
        return (
            Problem.NOT_ADMITTED,
            told,
            remedies.vendor(case, "Add this machine's address to the organisation's list."),
        )
    if "terminated" in words:
        told = "The provider ended this account's access."
        return (
            Problem.NOT_ADMITTED,
            told,
            remedies.vendor(case, "Ask the vendor why; using another plan may be needed."),
        )
    return (
        Problem.NOT_ADMITTED,
        sentence_of(error, case),
        remedies.vendor(case, "Check in the provider's console what this key and account may use."),
    )


def _credit(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    if "membership" in error.message.lower():
        told = f"The membership of {case.row.name} is not active, so nothing is answered."
        return Problem.MEMBERSHIP_LAPSED, told, remedies.membership(case)
    told = f"The account at {case.row.name} has nothing left to spend; requests are refused until it is topped up."
    return Problem.OUT_OF_CREDIT, told, remedies.funds(case)


def _quota(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    at = time_in(error.resets_at)
    until = f" It is renewed {error.resets_at}." if error.resets_at and not at else ""
    window = _window_named(words_of(error).lower())
    if case.row.billing == "tokens" and "its balance" in sentence_of(error, case):
        told = f"The account at {case.row.name} may spend nothing: its quota is used up, or it is not active."
        return Problem.OUT_OF_CREDIT, told, remedies.funds(case)
    told = f"The {window}quota of {case.row.name} is used up.{case.without_key(until)}"
    return Problem.QUOTA_SPENT, told, remedies.quota(case, at)


def time_in(resets_at: str) -> str:
    """The point in time in a provider's words on when a quota is renewed; empty for "in the next cycle"."""
    return resets_at.removeprefix("at ").strip() if any(letter.isdigit() for letter in resets_at) else ""


def _window_named(words: str) -> str:
    names = {"5-hour": "5-hour ", "weekly": "weekly ", "monthly": "monthly ", "billing cycle": "billing cycle's ",
             "tpd": "day's ", "per day": "day's ", "per-day": "day's ", "daily": "day's "}  # fmt: skip
    return next((name for sign, name in names.items() if sign in words), "")


def _throttled(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    told = "The address and the key are right, but the account may not ask this fast just now."
    return Problem.THROTTLED, told, remedies.throttle(case, words_of(error), error.retry_after_s)


def _overloaded(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del error, stage
    told = f"{case.row.name} is overloaded. Neither the account nor the settings are at fault."
    return Problem.OVERLOADED, told, remedies.overload(case)


def _slow(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    sentence = sentence_of(error, case)
    if stage is Stage.ADDRESS or sentence.startswith("No connection"):
        return Problem.UNREACHABLE, sentence, remedies.network(case)
    return Problem.TOO_SLOW, sentence, remedies.slowness(case)


def _failed(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    if error.status is None:
        return Problem.UNREACHABLE, sentence_of(error, case), remedies.network(case)
    return Problem.PROVIDER_FAILED, sentence_of(error, case), remedies.overload(case)


def _unknown(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    status, asked = error.status or 0, stage not in (Stage.ADDRESS, Stage.KEY)
    sentence = sentence_of(error, case)
    is_model = "no such model" in sentence or (asked and status in (404, 410) and not _is_path(words_of(error)))
    if not is_model or (status == 404 and not words_of(error) and case.connection.model in case.listed):
        return Problem.BAD_ADDRESS, sentence, remedies.address(case)
    if case.connection.model in case.listed:
        told = f"{case.row.name} lists {case.connection.model}, but does not let this key use it."
        return Problem.UNKNOWN_MODEL, told, (*remedies.higher_tier(case), *remedies.models(case))
    return Problem.UNKNOWN_MODEL, unknown_model_told(case), remedies.models(case)


def unknown_model_told(case: Case) -> str:
    """A sentence on a model that is not served."""
    told = f"{case.row.name} does not serve {case.connection.model} to this key."
    known = case.known
    retired = known.row.retired if known else None
    if retired is not None:
        why = retired.why or f"It was retired on {retired.on}."
        return f"{told} {why} Its successor is {retired.successor}."
    return f"{told} It lists {len(case.listed)} models." if len(case.listed) > 1 else told


def _is_path(words: str) -> bool:
    return any(
        sign in words.lower() for sign in ("method not found", "page not found", "no static resource", "cannot post")
    )


def _rejected(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    words = words_of(error)
    if stage is Stage.TOOLS and any(sign in words.lower() for sign in ("reasoning_content", "tool_call", "tool_use")):
        told = (
            "The provider refuses a conversation in which a tool was called, so reviews that look things up would fail."
        )
        return Problem.NO_TOOLS, told, remedies.thinking_off(case)
    field = remedies.refused_name(case, words)
    if field:
        told = f"The provider refuses the request because of `{field}`."
        return Problem.SETTING_REFUSED, told, remedies.setting(case, field)
    if case.is_unlisted:
        return Problem.UNKNOWN_MODEL, unknown_model_told(case), remedies.models(case)
    return Problem.SETTING_REFUSED, "The provider refuses the request as malformed.", remedies.setting(case, "")


def _too_long(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del error, case, stage
    told = "The provider finds even this small question too long: the model's window there is smaller than is known."
    advice = Advice(
        step=Step.CHANGE_SETTING,
        told="Set fewer max output tokens; at a local server, raise the model's context length.",
    )
    return Problem.SETTING_REFUSED, told, (advice,)


def _no_answer(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    return Problem.NO_ANSWER, sentence_of(error, case), remedies.more_room(case)


def _refused(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    told = sentence_of(error, case)
    advice = Advice(step=Step.PICK_MODEL, told="Try again, or use another model: the question asked was harmless.")
    return Problem.REFUSED_ANSWER, told, (advice,)


def _misshapen(error: ModelError, case: Case, stage: Stage) -> _Verdict:
    del stage
    return Problem.NO_SHAPE, sentence_of(error, case), remedies.other_model(case)


# The first kind that fits decides.
_RULES: Final[Mapping[type[ModelError], _Rule]] = {
    ModelAuth: _key,
    ModelNotAdmitted: _closed,
    ModelUnknown: _unknown,
    ModelOutOfCredit: _credit,
    ModelQuota: _quota,
    ModelThrottled: _throttled,
    ModelOverloaded: _overloaded,
    ModelTimeout: _slow,
    ModelUnavailable: _failed,
    PromptTooLong: _too_long,
    PromptRejected: _rejected,
    AnswerRefused: _refused,
    AnswerEmpty: _no_answer,
    AnswerCut: _no_answer,
    BudgetSpent: _no_answer,
    AnswerUnreadable: _misshapen,
}
