"""What can be done about each thing that may be wrong with a connection, the likeliest first."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.endpoint import Dialect
from mesrai.llm.key_families import key_kind
from mesrai.llm.probe_case import Case
from mesrai.llm.probe_listing import close_ids
from mesrai.llm.probing import Advice, Step

_MOST_MODELS: Final = 4
_MAY_REACH: Final = re.compile(r"max (?:organization )?concurrency: ?(\d{1,5})", re.IGNORECASE)
_OWN_FIELDS: Final = (
    "temperature", "top_p", "thinking", "reasoning_effort", "reasoning", "output_config", "response_format",
    "prompt_cache_key", "max_completion_tokens", "max_tokens", "provider", "tool_choice", "tools",
)  # fmt: skip


def switches(case: Case, rows: Sequence[ProviderRow]) -> tuple[Advice, ...]:
    """Use another plan, each of these, with the model's name there."""
    return tuple(_switch(case, row, f"Switch to {row.name}: {row.base_url}") for row in rows if row.base_url)


def search(case: Case) -> tuple[Advice, ...]:
    """Ask the vendor's other endpoints, if the person agrees."""
    if not case.homes:
        return ()
    hosts = ", ".join(dict.fromkeys(urlsplit(each.base_url).hostname or "" for each in case.homes))
    told = f"Find out whose key it is: a free question to {hosts}, which shows the key to the same vendor there."
    return (Advice(step=Step.SEARCH_PLANS, told=told),)


def new_key(case: Case) -> tuple[Advice, ...]:
    """Take another key."""
    kind = key_kind(case.row.id) or f"a key of {case.row.name}"
    if case.connection.key is None:
        return (Advice(step=Step.REPLACE_KEY, told=f"Give {kind}.", link=case.row.key_page),)
    told = f"Use {kind}; check that it is whole and was not revoked."
    return (Advice(step=Step.REPLACE_KEY, told=told, link=case.row.key_page),)


def messages_surface(case: Case) -> tuple[Advice, ...]:
    """Use the surface that admits every client."""
    url = case.connection.base_url
    rows = [each for each in case.catalogue.providers if each.dialect is Dialect.ANTHROPIC and each.base_url]
    own = next((each for each in rows if url in (each.base_url, f"{each.base_url}/v1")), None)
    is_nobodys = not case.row.base_url  # only plans have such a gate, and at nobody's address it may be any of them
    own = own or next(
        (each for each in rows if each in case.siblings or (is_nobodys and each.billing == "subscription")), None
    )
    if own is None:
        return vendor(case, "Use an address of the vendor's that admits other clients.")
    if url == own.base_url:
        told = "Ask the vendor: this is the surface that is meant to admit every client."
        return (*_by_the_token(case, own), *vendor(case, told))
    base_url = own.base_url if case.row.base_url or url.startswith(own.base_url) else url.removesuffix("/v1")
    told = f"Use the plan's messages surface, which admits every client: {own.name} at {base_url}"
    return (Advice(step=Step.SWITCH_PLAN, told=told, provider=own.id, base_url=base_url), *_by_the_token(case, own))


def funds(case: Case) -> tuple[Advice, ...]:
    """Pay, or use what is paid for already."""
    page = case.row.billing_page
    where = f" at {page}" if page else " in the provider's console"
    advice = Advice(step=Step.ADD_FUNDS, told=f"Add funds{where}, then test again.", link=page)
    plans = [each for each in case.homes if each.billing == "subscription"]
    return (advice, *(_switch(case, each, f"Or, if you subscribed to it, switch to {each.name}.") for each in plans))


def membership(case: Case) -> tuple[Advice, ...]:
    """Renew a subscription, or pay by the token."""
    page = case.row.billing_page
    where = f" at {page}" if page else ""
    advice = Advice(step=Step.ADD_FUNDS, told=f"Renew the membership{where}, then test again.", link=page)
    return (advice, *_by_the_token(case, case.row))


def quota(case: Case, resets_at: str) -> tuple[Advice, ...]:
    """Wait, or pay by the token."""
    until = f" until {case.without_key(resets_at)}" if resets_at else " until the quota is renewed"
    page = case.row.billing_page
    advice = Advice(step=Step.WAIT, told=f"Wait{until}; a fallback model carries reviews meanwhile.", link=page)
    return (advice, *_by_the_token(case, case.row))


def throttle(case: Case, words: str, wait_s: float | None) -> tuple[Advice, ...]:
    """Ask less at once."""
    named, cap = _MAY_REACH.search(words), case.connection.max_concurrent_requests
    if named:
        told = f"Set max concurrent requests to {named[1]} or less: that is what the provider says it allows."
    elif cap is None:
        told = "Set a cap for concurrent requests, or name your account's tier, so that Mesrai keeps to its limits."
    elif cap > 1:
        told = f"Lower max concurrent requests; it is {cap} now."
    else:
        told = (
            "Give the account's requests per minute, or name its tier: a new account may ask only a few times a minute."
        )
    soon = f"{wait_s:.0f} seconds" if wait_s is not None and wait_s >= 1 else "a minute"
    return (
        Advice(step=Step.LOWER_CAP, told=told),
        Advice(step=Step.WAIT, told=f"Test again in {soon}.", link=case.row.billing_page),
    )


def overload(case: Case) -> tuple[Advice, ...]:
    """Nothing but patience helps."""
    told = "Test again later; a fallback at another provider carries reviews meanwhile."
    return (Advice(step=Step.WAIT, told=told), *faster(case))


def slowness(case: Case) -> tuple[Advice, ...]:
    """Try again when it is warm, or take a faster model."""
    told = "Test again: the first answer after an idle while can take long, since the model is started for it."
    return (*faster(case), Advice(step=Step.WAIT, told=told), *region(case))


def faster(case: Case) -> tuple[Advice, ...]:
    """The faster model, where one is known."""
    known = case.known
    if known is None or not known.row.faster:
        return ()
    if known.is_borrowed and known.row.faster not in case.listed:  # another provider's, as far as is known
        return ()
    told = f"{known.row.faster} answers faster, if that matters more than its price."
    return (Advice(step=Step.PICK_MODEL, told=told, model=known.row.faster),)


def network(case: Case) -> tuple[Advice, ...]:
    """See to the way there: proxy, names, and which part of the world."""
    scheme = urlsplit(case.connection.base_url).scheme
    proxy = _proxy_for(scheme)
    if _is_here(case.host):
        told = "Start the server on this machine, or correct the port in the base URL."
    elif proxy:
        told = (
            f"Requests go through the proxy {proxy} ({scheme.upper()}_PROXY): check that it lets {case.host} through."
        )
    else:
        told = (
            f"Check that this machine resolves {case.host} and may connect to it; "
            f"if it reaches the network through a proxy, set {scheme.upper()}_PROXY."
        )
    return (Advice(step=Step.CHECK_NETWORK, told=told), *region(case), *_typed(case))


def _is_here(host: str) -> bool:
    """Whether that is this machine."""
    with suppress(ValueError):
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    return host == "localhost"


def _proxy_for(scheme: str) -> str:
    """The host of the proxy the environment names; empty if there is none."""
    try:
        return urlsplit(getproxies().get(scheme, "")).hostname or ""
    except ValueError:
        return "that cannot be read"


def region(case: Case) -> tuple[Advice, ...]:
    """The vendor's address for another part of the world."""
    others = [
        each
        for each in case.siblings
        if each.region != case.row.region and each.billing == case.row.billing and case.is_own_address
    ]
    return tuple(_switch(case, each, _from_there(case, each)) for each in others)


def address(case: Case, base_url: str = "") -> tuple[Advice, ...]:
    """The address where the API is, as far as one is known."""
    known = base_url or (case.row.base_url if case.row.base_url != case.connection.base_url else "")
    if known:
        told = f"Use {known} as the base URL."
        return (Advice(step=Step.FIX_ADDRESS, told=told, base_url=known),)
    told = "Look up the base URL in the provider's documentation; it usually ends in /v1."
    return (Advice(step=Step.FIX_ADDRESS, told=told),)


def models(case: Case) -> tuple[Advice, ...]:
    """Ids that are served, the successor of a retired one first."""
    known, asked = case.known, case.connection.model
    retired = known.row.retired if known else None
    wanted = [retired.successor] if retired is not None else []
    wanted += close_ids(asked, case.listed)
    wanted += [
        each for each in case.catalogue.near_models(case.row.id, asked) if not case.listed or each in case.listed
    ]
    wanted += [case.row.default_model] if case.row.default_model else []
    wanted += case.listed[:_MOST_MODELS]
    ids = [each for each in dict.fromkeys(wanted) if each and each != asked][:_MOST_MODELS]
    advice = [Advice(step=Step.PICK_MODEL, told=f"Use {each}.", model=each) for each in ids]
    if case.connection.routing is not None and case.connection.routing.order:
        told = "Or name other hosts, or allow fallbacks: perhaps none of the pinned hosts serves this model."
        advice.append(Advice(step=Step.CHANGE_SETTING, told=told))
    return tuple(advice) or (
        Advice(step=Step.PICK_MODEL, told="Look up the model's name in the provider's documentation."),
    )


def higher_tier(case: Case) -> tuple[Advice, ...]:
    """What opens a model that an account may not use yet."""
    page = case.row.billing_page
    told = (
        "See in the provider's console whether the account's tier or plan covers this model; some want a first payment."
    )
    return (Advice(step=Step.ASK_VENDOR, told=told, link=page),)


def other_model(case: Case) -> tuple[Advice, ...]:
    """A model that is known to do what reviews need."""
    best = case.row.default_model
    if best and best != case.connection.model:
        return (Advice(step=Step.PICK_MODEL, told=f"Use {best}, which is known to do it.", model=best),)
    return (Advice(step=Step.PICK_MODEL, told="Use another model; larger ones do it more reliably."),)


def more_room(case: Case) -> tuple[Advice, ...]:
    """Let the model write more, or think less."""
    most = case.connection.max_output_tokens
    told = "Set thinking to low or off: reasoning counts as part of the answer."
    room = (Advice(step=Step.CHANGE_SETTING, told=f"Raise max output tokens; it is {most} now."),) if most else ()
    return (*room, Advice(step=Step.CHANGE_SETTING, told=told), *other_model(case))


def thinking_off(case: Case) -> tuple[Advice, ...]:
    """Do without reasoning, where it cannot be sent back."""
    told = "Set thinking to off, or remove what the custom JSON says of reasoning."
    return (Advice(step=Step.CHANGE_SETTING, told=told), *other_model(case))


def setting(case: Case, field: str) -> tuple[Advice, ...]:
    """Change or remove what is refused."""
    if field and field in set(_custom_names(case)):
        told = f"Remove or change `{field}` in the custom JSON."
    elif field == "temperature":
        told = "Remove the temperature: this model takes only its own."
    elif field:
        told = f"Change the setting that sends `{field}`, or remove it."
    elif case.connection.custom:
        told = "Remove the custom JSON and test again; then put its fields back one by one."
    else:
        told = "Check the base URL and the model: the provider may speak another format than the one chosen."
    return (Advice(step=Step.CHANGE_SETTING, told=told),)


def vendor(case: Case, told: str) -> tuple[Advice, ...]:
    """Only the vendor can help."""
    return (Advice(step=Step.ASK_VENDOR, told=told, link=case.row.billing_page or case.row.key_page),)


def refused_name(case: Case, words: str) -> str:
    """The field of ours that a provider's words complain about; empty if they name none."""
    said = words.lower()
    names = [*sorted(set(_custom_names(case)), key=len, reverse=True), *_OWN_FIELDS]
    return next((name for name in names if re.search(rf"(?<![\w.]){re.escape(name.lower())}(?!\w)", said)), "")


def _custom_names(case: Case) -> Iterator[str]:
    """Every field of the custom JSON, also those inside others."""
    for block in (case.connection.custom or {}).values():
        yield from _names_in(block)


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _names_in(inner)


def _by_the_token(case: Case, row: ProviderRow) -> Iterator[Advice]:
    """The same vendor's way of paying by the token, in the same part of the world if there is a choice."""
    others = [each for each in case.catalogue.providers if row.vendor and each.vendor == row.vendor]
    paid = [each for each in others if each.billing == "tokens" and each.region != "mainland"]
    if row.billing == "subscription":
        for each in paid[:1]:
            yield _switch(case, each, f"Or use {each.name}, paid by the token, with a key from {each.key_page}")


def _switch(case: Case, row: ProviderRow, told: str) -> Advice:
    is_known = case.catalogue.find_model(row.id, case.connection.model) is not None
    return Advice(
        step=Step.SWITCH_PLAN,
        told=told,
        provider=row.id,
        model="" if is_known else row.default_model,
        base_url=row.base_url,
        link=row.key_page,
    )


def _from_there(case: Case, other: ProviderRow) -> str:
    where = "Inside mainland China" if other.region == "mainland" else "Outside mainland China"
    if "mainland" not in (other.region, case.row.region):
        return f"Or try {other.base_url}, if your plan was bought there: {other.name}. Accounts and keys are separate."
    return f"{where}, use {other.base_url}: {other.name}. Accounts and keys are separate."


def _typed(case: Case) -> tuple[Advice, ...]:
    if case.is_own_address:
        return ()
    told = "Check the base URL letter by letter; is the server running?"
    return (Advice(step=Step.FIX_ADDRESS, told=told),)
