"""The third stage of a test: whether the provider lists the model, and what it says of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mesrai.domain.connection import Learned
from mesrai.errors import ModelOverloaded, ModelThrottled, ModelTimeout, ModelUnavailable
from mesrai.llm import remedies
from mesrai.llm.diagnosis import diagnose, unknown_model_told
from mesrai.llm.probe_case import Case, Found, failed, limited
from mesrai.llm.probe_fetch import Fetched, fetch
from mesrai.llm.probe_listing import bare_id, listing_in
from mesrai.llm.probing import Diagnosis, Problem, Stage, State
from mesrai.llm.transport import Session

_UNPROVEN: Final = "That the model is served: only asking it shows that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of looking for the model."""

    found: Found
    listed: tuple[str, ...] = ()
    learned: Learned | None = None


async def check_model(case: Case, session: Session, open_list: Fetched | None, *, is_full: bool) -> Looked:
    """Look for the model in the provider's list. `open_list` is that list, if it was shown without a key.

    Where `is_full`, the model is asked afterwards, so that not being listed is no failure yet: lists leave things out.
    Errors: ModelError, where the key is refused or nothing answers.
    """
    if not case.row.lists_models:
        return Looked(found=_no_list(case, "has no list of models"))
    answer = open_list or await fetch(case, session, case.row.lists_models)
    listing = listing_in(answer.value) if answer.is_fine else None
    if listing is None:
        return Looked(found=_unlisted(case, answer))
    listed_id = listing.find(case.connection.model)
    listed = tuple(dict.fromkeys(bare_id(each) for each in listing.ids if case.without_key(each) == each))
    if listed_id is None:
        return Looked(found=_absent(case, listed, is_sure=not (is_full or listing.is_partial)), listed=listed)
    today = datetime.now(UTC).date().isoformat()
    learned = listing.learned(listed_id, today) if case.is_own_address else None
    return Looked(found=_present(case, listed_id, learned), listed=listed, learned=learned)


def _present(case: Case, listed_id: str, learned: Learned | None) -> Found:
    facts = [] if learned is None else list(_facts(learned))
    known = case.known
    retired = known.row.retired if known and case.is_own_address else None
    if retired is not None:
        on = f" on {retired.on}" if retired.on else ""
        told = f"{listed_id} is still listed, though it was to be retired{on}. Its successor is {retired.successor}."
        return Found(state=State.LIMITED, told=told, facts=facts)
    return Found(state=State.PASSED, told=f"The provider lists {bare_id(listed_id)}.", facts=facts)


def _absent(case: Case, listed: tuple[str, ...], *, is_sure: bool) -> Found:
    """A model that is not in the list: wrong, or one of those that lists leave out."""
    known = case.known
    if known is not None and known.is_alias and known.row.retired is None and case.is_own_address:
        told = (
            known.row.alias_notice
            or f"{case.connection.model} is another name of {known.row.id}, which is what answers."
        )
        return Found(state=State.PASSED, told=told)
    case = replace(case, listed=listed, is_unlisted=True)
    is_current = known is not None and known.row.retired is None and not known.is_borrowed
    is_retired = known is not None and known.row.retired is not None
    diagnosis = Diagnosis(
        problem=Problem.UNKNOWN_MODEL,
        told=unknown_model_told(case) if is_retired else _unlisted_told(case),
        advice=remedies.models(case),
    )
    # Strangers' lists may be shortened, and some lists leave out what a key may not use: there only asking tells.
    if not is_retired and (not is_sure or is_current or not case.row.base_url or not listed):
        return replace(limited(diagnosis), unproven=(_UNPROVEN,))
    return failed(diagnosis)


def _unlisted_told(case: Case) -> str:
    count = f" among its {len(case.listed)} models" if case.listed else ""
    return f"{case.row.name} does not list {case.connection.model}{count} for this key."


def _unlisted(case: Case, answer: Fetched) -> Found:
    """No list came."""
    if answer.status < 300 and not answer.said.is_shaped:
        return _no_list(case, "answers with something other than a list of models")
    error = answer.error(case)
    if answer.status in (404, 405, 410, 403, 501):
        return _no_list(case, "shows no list of models here")
    diagnosis = diagnose(error, case, Stage.MODEL)
    if isinstance(error, ModelThrottled | ModelOverloaded | ModelUnavailable | ModelTimeout):
        return replace(limited(diagnosis), unproven=(_UNPROVEN,))
    return failed(diagnosis)


def _no_list(case: Case, why: str) -> Found:
    told = f"{case.row.name} {why}, so only asking shows whether it serves {case.connection.model}."
    known = case.known
    if known is not None and not known.is_borrowed and known.row.retired is not None:
        told = unknown_model_told(case)
    return Found(state=State.LIMITED, told=told, unproven=(_UNPROVEN,))


def _facts(learned: Learned) -> tuple[str, ...]:
    window = (f"Window: {learned.window:,} tokens",) if learned.window else ()
    said = {"only": "always", "no": "never", "both": "can be turned on and off"}.get(learned.reasoning)
    reasoning = (f"Reasoning: {said}",) if said else ()
    efforts = (f"Efforts: {', '.join(learned.efforts)}",) if learned.efforts else ()
    return (*window, *reasoning, *efforts)
