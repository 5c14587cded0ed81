"""The first stage of a test: whether an API answers at the address, asked without the key."""

from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit, urlunsplit

from mesrai.errors import MesraiError, ModelError, SettingsError
from mesrai.llm import remedies
from mesrai.llm.address import clean_base_url, owner_of
from mesrai.llm.diagnosis import diagnose
from mesrai.llm.probe_case import Case, Found, failed, limited
from mesrai.llm.probe_fetch import Fetched, fetch
from mesrai.llm.probing import Advice, Diagnosis, Problem, Stage, State, Step
from mesrai.llm.transport import Session
from mesrai.llm.words import safe_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What stands at the address."""

    found: Found
    open_list: Fetched | None = None  # the list of models, if it is shown without a key


async def check_address(case: Case, session: Session) -> Arrival:
    """Ask for the list of models without the key, so that the key goes nowhere but to an API.

    Errors: ModelError where nothing answers.
    """
    path = case.row.lists_models or "/models"
    answer = await fetch(case, session, path, with_key=False)
    if 300 <= answer.status < 400:
        return Arrival(found=failed(_redirected(case, answer, path)))
    if answer.said.is_html and not _is_sparse(case, answer):
        return Arrival(found=await _page(case, session, answer))
    if answer.status in (404, 405) and case.row.lists_models and case.connection.base_url not in case.row.addresses:
        return Arrival(found=await _missed(case, session, answer))
    return Arrival(found=_passed(case, answer), open_list=answer if answer.is_fine else None)


def _is_sparse(case: Case, answer: Fetched) -> bool:
    """Whether a page is only how a server says that it wants a key (gateways do), or that it has no such list."""
    if answer.status == 401:
        return case.connection.key is not None
    return answer.status in (404, 405) and (case.row.is_anywhere or not case.row.lists_models)


def _passed(case: Case, answer: Fetched) -> Found:
    facts = [each for each in case.connection.notices if "base URL" in each or each.endswith("is used.")]  # repairs
    unencrypted = _unencrypted(case)
    if unencrypted:
        return Found(state=State.LIMITED, told=unencrypted, facts=facts)
    if answer.status == 429:
        throttled = replace(
            diagnose(answer.error(case), case, Stage.ADDRESS), told=f"{case.place} answers: too often asked."
        )
        return limited(throttled, facts)
    if answer.status >= 500:
        return limited(diagnose(answer.error(case), case, Stage.ADDRESS), facts)
    if answer.value is None and answer.status < 300:
        told = f"{case.place} answers, but with something that no API says."
        diagnosis = Diagnosis(
            problem=Problem.BAD_ADDRESS,
            told=told,
            advice=remedies.address(case),
            provider_words=safe_words(case.without_key(answer.said.text)),
            status=answer.status,
        )
        return failed(diagnosis, facts)
    return Found(state=State.PASSED, told=f"{case.place} answers as an API does.", facts=facts)


def _unencrypted(case: Case) -> str:
    """What to say of an address whose connection anybody on the way can read; empty if it is not one."""
    if urlsplit(case.connection.base_url).scheme == "https":
        return ""
    try:
        clean_base_url(case.connection.base_url, ())
    except SettingsError:  # http to a host on the internet
        return f"{case.place} answers, but key and code go there unencrypted. Use https:// if the server offers it."
    return ""


def _redirected(case: Case, answer: Fetched, path: str) -> Diagnosis:
    """A redirect is not followed: the key would go to whoever is named in it."""
    target, base_url = _target(answer.headers.get("location", ""), path, case)
    told = f"{case.place} only points to {target or 'another address'}. Mesrai does not follow it with your key."
    advice = remedies.address(case, base_url)
    if base_url and not _is_same_service(base_url, case):  # only named: to take it over is to hand the key to it
        asked = f"If you know {target} and the key is meant for it, set {base_url} as the base URL yourself."
        advice = (Advice(step=Step.FIX_ADDRESS, told=asked),)
    return Diagnosis(problem=Problem.BAD_ADDRESS, told=told, advice=advice, status=answer.status)


def _is_same_service(base_url: str, case: Case) -> bool:
    """Whether an address is at the same host, or the same vendor's."""
    owner = owner_of(base_url, case.catalogue.providers)
    is_vendors = owner is not None and (owner.vendor or owner.id) == (case.row.vendor or case.row.id)
    return is_vendors or urlsplit(base_url).hostname == case.host


def _target(location: str, path: str, case: Case) -> tuple[str, str]:
    """The host a redirect names, and the base URL it amounts to, if it is fit to be one."""
    where = location
    try:
        where = urljoin(case.connection.base_url + path, location)
        parts = urlsplit(where)
        host = safe_words(case.without_key(parts.netloc.rpartition("@")[2]), 100)
        is_same_api = parts.path.rstrip("/").endswith(path)
        plain = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/").removesuffix(path), "", ""))
        cleaned = clean_base_url(plain, case.catalogue.providers).url if is_same_api else ""
    except (ValueError, MesraiError):
        return safe_words(case.without_key(where.partition("?")[0]), 100), ""
    return host, "" if cleaned == case.connection.base_url else case.without_key(cleaned)


async def _page(case: Case, session: Session, answer: Fetched) -> Found:
    """A web page in place of an API: a wrong address, a gateway's refusal, or a provider that is down."""
    if answer.status >= 500 or answer.status in (403, 407, 451):
        return failed(diagnose(answer.error(case), case, Stage.ADDRESS))
    title = safe_words(case.without_key(answer.said.text), 80)
    named = f' ("{title}")' if title else ""
    elsewhere = await _api_below(case, session) if case.row.is_anywhere else ""
    told, advice = f"A web page{named} is at {case.place}, not an API.", remedies.address(case, elsewhere)
    if case.connection.base_url in case.row.addresses and not case.row.is_anywhere:
        told, advice = f"{told} A proxy or a login page of the network may stand in between.", remedies.network(case)
    diagnosis = Diagnosis(
        problem=Problem.BAD_ADDRESS,
        told=told,
        advice=advice,
        provider_words=title,
        status=answer.status,
    )
    return failed(diagnosis)


async def _missed(case: Case, session: Session, answer: Fetched) -> Found:
    """Something answers, but the list of models is not there: perhaps part of the path is wrong or missing."""
    elsewhere = await _api_below(case, session) if case.row.is_anywhere else ""
    if elsewhere:
        told = f"The API is not at {case.connection.base_url} but below it, at {elsewhere}."
    else:
        told = (
            f"{case.place} answers, but there is no list of models at this path. Part of the base URL may be missing."
        )
    diagnosis = Diagnosis(
        problem=Problem.BAD_ADDRESS,
        told=told,
        advice=remedies.address(case, elsewhere),
        provider_words=safe_words(case.without_key(answer.said.text)),
        status=answer.status,
    )
    # A server of nobody that is known may do without a list; at a vendor that has one it is the address that is wrong.
    return limited(diagnosis) if case.row.is_anywhere and not elsewhere else failed(diagnosis)


async def _api_below(case: Case, session: Session) -> str:
    """The base URL with /v1, if an API answers there; empty otherwise."""
    path = case.row.lists_models or "/models"
    if "/v1" in case.connection.base_url or path.startswith("/v1"):
        return ""
    base_url = f"{case.connection.base_url}/v1"
    try:
        answer = await fetch(case, session, path, with_key=False, base_url=base_url)
    except ModelError:
        return ""
    is_api = answer.value is not None and (answer.status in (401, 403) or answer.is_fine)
    return base_url if is_api else ""
