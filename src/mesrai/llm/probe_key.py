"""The second stage of a test: whether the key is accepted, and what its account may spend."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from mesrai.errors import (
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOverloaded,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
)
from mesrai.llm import remedies
from mesrai.llm.diagnosis import diagnose
from mesrai.llm.key_families import prefix_of, rows_for_key
from mesrai.llm.probe_accounts import balance_in, key_limits_in, plan_in, quota_in
from mesrai.llm.probe_case import Case, Found, failed, limited
from mesrai.llm.probe_fetch import Fetched, fetch
from mesrai.llm.probing import Advice, Diagnosis, Problem, Stage, State, Step
from mesrai.llm.transport import Session

_PASSED: Final = "The key is accepted."
UNPROVEN: Final = "That the key is accepted: this address tells it only to requests that ask the model."


async def check_key(case: Case, session: Session, open_list: Fetched | None) -> Found:
    """Ask what the provider answers for nothing. `open_list` is its list of models, if it showed that without a key.

    Errors: ModelError, where the key is refused or nothing answers.
    """
    if not case.connection.key:
        return await _without_key(case, session, open_list)
    stranger = _stranger(case)
    if stranger is not None:
        return failed(stranger)
    if case.row.key_check and case.is_own_address:
        found = await _account(case, session)
        if found is not None:
            return found
    return await _by_list(case, session, open_list)


async def _without_key(case: Case, session: Session, open_list: Fetched | None) -> Found:
    if case.row.needs_key:
        return failed(diagnose(ModelAuth(), case, Stage.KEY))
    if open_list is None and case.row.lists_models:
        answer = await fetch(case, session, case.row.lists_models)
        error = None if answer.is_fine else answer.error(case)
        if isinstance(error, ModelAuth):
            return failed(diagnose(error, case, Stage.KEY))
    return Found(state=State.PASSED, told="No key is set, and none is asked for so far.")


def _stranger(case: Case) -> Diagnosis | None:
    """The diagnosis of a key that another vendor made: it is not shown to this one. None if it may be this one's."""
    key = case.connection.key
    theirs = rows_for_key(key, case.catalogue.providers) if key and case.is_own_address else ()
    vendor = case.row.vendor or case.row.id
    if key is None or not theirs or case.row.is_anywhere or any((each.vendor or each.id) == vendor for each in theirs):
        return None
    prefix = prefix_of(key, case.catalogue.providers)
    told = f"This key begins with {prefix}, as keys of {theirs[0].name} do, so it was not sent to {case.row.name}."
    advice = (*remedies.switches(case, theirs), *remedies.new_key(case))
    return Diagnosis(problem=Problem.WRONG_PLAN, told=told, advice=advice)


async def _account(case: Case, session: Session) -> Found | None:
    """What the provider's own question about an account says; None if it cannot be asked here."""
    try:
        answer = await fetch(case, session, case.row.key_check)
    except (ModelTimeout, ModelUnavailable):
        return None
    if answer.is_fine:
        read = next(read for end, read in _READERS.items() if case.row.key_check.endswith(end))
        found = read(case, answer)
        return await _with_plan(case, session, found) if case.row.key_check.endswith("/usages") else found
    error = answer.error(case)
    if isinstance(error, ModelUnknown | ModelUnavailable | ModelTimeout):
        return None  # it is gone, or down by itself; the list of models may still tell
    return _refused(error, case)


async def _by_list(case: Case, session: Session, open_list: Fetched | None) -> Found:
    """What the list of models tells of the key: something only where it is not shown to everybody."""
    if open_list is not None or not case.row.lists_models or not (case.row.list_proves_key or case.row.is_anywhere):
        return _untold(case, is_open=open_list is not None)
    answer = await fetch(case, session, case.row.lists_models)
    if answer.is_fine:
        return Found(state=State.PASSED, told=_PASSED)
    error = answer.error(case)
    if isinstance(error, ModelUnknown) and answer.status in (404, 405, 410):
        return _untold(case, is_open=False)
    if isinstance(error, ModelNotAdmitted) and "scope" in answer.said.text.lower():
        told = "The key is known, but it may not read the list of models."
        return Found(state=State.LIMITED, told=told, unproven=(UNPROVEN,))
    is_closed = isinstance(error, ModelNotAdmitted) and case.row.is_anywhere and not answer.said.is_html
    if is_closed:  # gateways close the list to keys that may well ask their models
        told = f"{case.place} does not show its list of models to this key, so only asking the model proves the key."
        return Found(state=State.LIMITED, told=told, unproven=(UNPROVEN,))
    return _refused(error, case)


def _refused(error: ModelError, case: Case) -> Found:
    """A refusal: of the key, or of asking it just now."""
    diagnosis = diagnose(error, case, Stage.KEY)
    if isinstance(error, ModelThrottled | ModelOverloaded | ModelUnavailable | ModelTimeout):
        return replace(limited(diagnosis), unproven=(UNPROVEN,))
    return failed(diagnosis)


def _untold(case: Case, *, is_open: bool) -> Found:
    why = "shows its list of models to everybody" if is_open else "has no free question that a wrong key is refused"
    told = f"{case.row.name} {why}, so only asking the model proves the key."
    return Found(state=State.LIMITED, told=told, unproven=(UNPROVEN,))


async def _with_plan(case: Case, session: Session, found: Found) -> Found:
    """The same with the name of the plan, where the vendor tells it."""
    try:
        answer = await fetch(case, session, case.row.key_check.replace("/usages", "/me"))
    except ModelError:
        return found
    plan = plan_in(answer.value) if answer.is_fine else ""
    return replace(found, facts=(plan, *found.facts)) if plan else found


def _balance(case: Case, answer: Fetched) -> Found:
    balance = balance_in(answer.value, _currency(case))
    if balance is None:
        return _unread(case, "balance")
    if balance.is_spent:
        told = f"The account has {balance.text} left. Requests are refused until it is topped up."
        return failed(Diagnosis(problem=Problem.OUT_OF_CREDIT, told=told, advice=remedies.funds(case)), balance.facts)
    if balance.is_low:
        told = f"{_PASSED} The balance is low: {balance.text}."
        return Found(state=State.LIMITED, told=told, facts=balance.facts)
    return Found(state=State.PASSED, told=_PASSED, facts=balance.facts)


def _quota(case: Case, answer: Fetched) -> Found:
    quota = quota_in(answer.value)
    if quota is None:
        return _unread(case, "quota")
    if quota.spent and not quota.has_extra:
        # Of several windows the last to be renewed counts; ISO times sort as text.
        window = max(quota.spent, key=lambda each: each.resets_at)
        diagnosis = Diagnosis(
            problem=Problem.QUOTA_SPENT,
            told=f"The plan's quota is used up ({window.name}: {window.used:,f} of {window.limit:,f}).",
            advice=remedies.quota(case, window.resets_at),
            resets_at=window.resets_at,
        )
        return failed(diagnosis, quota.facts)
    notices = _over_cap(case, quota.at_once)
    if any(each.is_nearly_spent for each in quota.windows):
        told = f"{_PASSED} Little of the quota is left."
        return Found(state=State.LIMITED, told=told, facts=quota.facts, notices=notices)
    return Found(state=State.PASSED, told=_PASSED, facts=quota.facts, notices=notices)


def _over_cap(case: Case, at_once: int | None) -> tuple[str, ...]:
    cap = case.connection.max_concurrent_requests
    if at_once is None or cap is None or cap <= at_once:
        return ()
    return (f"Max concurrent requests is {cap}, but the plan serves {at_once} at once; what is above is refused.",)


def _key_limits(case: Case, answer: Fetched) -> Found:
    limits = key_limits_in(answer.value)
    if limits is None:
        return _unread(case, "key's limit")
    if limits.left is not None and limits.left <= 0:
        told = f"The key's own spending limit is used up: {limits.left:,.2f} USD are left."
        advice = Advice(step=Step.ADD_FUNDS, told="Raise the key's limit, or use another key.", link=case.row.key_page)
        diagnosis = Diagnosis(problem=Problem.OUT_OF_CREDIT, told=told, advice=(advice, *remedies.funds(case)))
        return failed(diagnosis, limits.facts)
    if limits.is_free_tier:
        told = f"{_PASSED} The account never paid: only free models answer, and only a few requests a day."
        return Found(state=State.LIMITED, told=told, facts=limits.facts)
    return Found(state=State.PASSED, told=_PASSED, facts=limits.facts)


def _other(case: Case, answer: Fetched) -> Found:
    del case, answer
    return Found(state=State.PASSED, told=_PASSED)


def _unread(case: Case, what: str) -> Found:
    told = f"{case.row.name} answers, but what it says of the {what} could not be read."
    return Found(state=State.LIMITED, told=told, unproven=(UNPROVEN,))


def _currency(case: Case) -> str:
    """The currency the platform bills in, by its price list."""
    prices = (price for model in case.catalogue.models_of(case.row.id) for price in model.prices)
    return next((each.currency for each in prices if not each.providers or case.row.id in each.providers), "")


# By the end of the path that is asked; the first that fits.
_READERS: Final[Mapping[str, Callable[[Case, Fetched], Found]]] = {
    "/balance": _balance,
    "/usages": _quota,
    "/key": _key_limits,
    "": _other,
}
