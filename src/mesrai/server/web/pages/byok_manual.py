"""Configure a model by hand, step by step: provider, base URL, model; then key, settings and test on one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from mesrai import wiring
from mesrai.domain.connection import Slot
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, SettingsError, UserError
from mesrai.flows import connect
from mesrai.llm.address import clean_base_url
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.wish import Wish
from mesrai.server.web.pages.byok import again
from mesrai.server.web.pages.byok_form import FieldWrong, Filled, connection_in, slot_named
from mesrai.server.web.pages.byok_trial import Workplace, workplace
from mesrai.server.web.visit import Visit

# The providers of the document's list, in its order; all others stand below them.
_FIRST: Final = (
    "openai", "anthropic", "gemini", "openrouter", "novita", "openai_compatible", "ollama", "vllm",
)  # fmt: skip
_STEPS: Final = (
    ("provider", "Provider"), ("address", "Base URL"), ("model", "Model"), ("key", "API key"),
    ("advanced", "Advanced settings"), ("save", "Test & save"),
)  # fmt: skip
_ASKED: Final = ("provider", "address", "model")
_FIELDS: Final[Mapping[str, str]] = {"provider": "provider", "address": "base_url", "model": "model"}
_ANY: Final = "any"  # the model, where only the list is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """Where somebody is."""

    slot: Slot
    name: str
    values: Mapping[str, str]
    row: ProviderRow | None  # the chosen provider


async def show(visit: Visit) -> Response:
    """GET /organization/byok/manual: the first step; with a `provider`, the step after it."""
    place = await workplace(visit)
    slot, provider = slot_named(visit.query("slot", "main")), visit.query("provider")
    step = _step(slot, "provider", {"provider": provider, "base_url": "", "model": ""}, place)
    return await (_after(visit, place, step) if provider else _page(visit, place, step))


async def step(visit: Visit) -> Response:
    """POST /organization/byok/manual: a step that was filled in, or the one to go back to."""
    place, form = await workplace(visit), visit.form
    values = {name: form.text(name) for name in ("provider", "base_url", "model")}
    if form.text("pick"):
        values["model"] = form.text("pick")
    at, to = form.text("at") or "provider", form.text("step")
    now = _step(slot_named(form.text("slot")), to if to in _ASKED else at, values, place)
    if to in _ASKED:
        return await _page(visit, place, now)
    if to == "list":
        return await _page(visit, place, now, listed=await _listed(place, now))
    return await _after(visit, place, now)


def _step(slot: Slot, name: str, values: Mapping[str, str], place: Workplace) -> _Step:
    """Errors: UserError for a step that there is not, SettingsError for a provider nobody knows."""
    if name not in _ASKED:
        raise UserError("There is no such step.")
    catalogue = place.installation.settings.catalogue
    row = catalogue.provider(values["provider"]) if values.get("provider") else None
    return _Step(slot=slot, name=name, values=values, row=row)


async def _after(visit: Visit, place: Workplace, now: _Step) -> Response:
    """The step after this one, or this one again with what is wrong."""
    try:
        _check(now, place.installation.settings.catalogue)
    except FieldWrong as error:
        return await _page(visit, place, now, wrong=error)
    if now.name == "provider" and now.row is not None:
        needs_address = not now.row.base_url
        values = now.values if needs_address else {**now.values, "base_url": ""}
        return await _page(visit, place, replace(now, name="address" if needs_address else "model", values=values))
    if now.name == "address":
        return await _page(visit, place, replace(now, name="model"))
    filled = Filled(values={**now.values, "slot": str(now.slot)})
    return await again(visit, place, filled)


def _check(now: _Step, catalogue: Catalogue) -> None:
    """Errors: FieldWrong."""
    if now.name == "provider" and now.row is None:
        raise FieldWrong("", "Choose a provider.")
    if now.name == "address":
        if not now.values["base_url"]:
            raise FieldWrong("base_url", "Type the base URL.")
        try:
            clean_base_url(now.values["base_url"], catalogue.providers, now.row)
        except SettingsError as error:
            raise FieldWrong("base_url", error.message) from error
    if now.name == "model":
        if not now.values["model"]:
            raise FieldWrong("model", "Type the model's id as the provider writes it.")
        connection_in(_wish(now), catalogue, needs_key=False)


async def _page(
    visit: Visit,
    place: Workplace,
    now: _Step,
    *,
    wrong: FieldWrong | None = None,
    listed: Sequence[str] | None = None,
) -> Response:
    catalogue = place.installation.settings.catalogue
    first = [catalogue.provider(each) for each in _FIRST]
    models, told = await _models(place, now, listed) if now.name == "model" else ((), "")
    at = _ASKED.index(now.name)
    before = _ASKED[:at] if now.row and not now.row.base_url else [each for each in _ASKED[:at] if each != "address"]
    told_wrong = {"wrong_field": wrong.name if wrong else "", "wrong_text": wrong.message if wrong else ""}
    values = dict(now.values)
    if now.name == "address" and now.row and now.row.local_port and not values.get("base_url"):
        values["base_url"] = f"http://127.0.0.1:{now.row.local_port}/v1"
    if now.name == "model" and now.row and not values.get("model"):
        values["model"] = now.row.default_model
    return visit.page(
        "byok_manual.html",
        status=400 if wrong else 200,
        slot=now.slot,
        step=now.name,
        steps=_STEPS,
        done=_ASKED[:at],
        here=(_FIELDS[now.name],),
        before=before[-1] if before else "",
        values=values,
        providers=first,
        others=[row for row in catalogue.providers if row not in first],
        provider_name=now.row.name if now.row else "",
        models=models,
        models_from=told,
        may_list=now.name == "model" and await _may_list(place, now),
        **told_wrong,
    )


async def _models(place: Workplace, now: _Step, listed: Sequence[str] | None) -> tuple[Sequence[str], str]:
    """Ids to pick from, and whose word it is."""
    if listed:
        return listed, "These are the models that the provider lists."
    if listed is not None:
        return (), "The provider lists no models here. Type the id as it is written there."
    if now.row is None:
        return (), ""
    known = [each.id for each in place.installation.settings.catalogue.models_of(now.row.id) if each.retired is None]
    told = "Pick a model that is known, or type any id the provider has." if known else "Type the id as it is written."
    return known, told


async def _may_list(place: Workplace, now: _Step) -> bool:
    """Whether the list can be asked for before there is a key: none is needed, or one is saved for that address."""
    if now.row is None:
        return False
    return not now.row.needs_key or await _saved_key(place, now) is not None


async def _listed(place: Workplace, now: _Step) -> Sequence[str]:
    """The ids that the provider lists; none if it shows no list."""
    catalogue = place.installation.settings.catalogue
    wish = replace(_wish(now), key=await _saved_key(place, now))
    connection = connection_in(wish, catalogue)
    tested = await wiring.tested(place.installation, connection, is_full=False, watch=lambda _: None)
    return tested.listed


async def _saved_key(place: Workplace, now: _Step) -> Secret | None:
    """The key that is saved for this very address; None if there is none."""
    wish = _wish(now)
    base_url = connection_in(wish, place.installation.settings.catalogue, needs_key=False).base_url
    for slot in Slot:
        try:
            saved = await connect.stored_connection(place.desk, slot)
        except CredentialMissing:
            continue
        if saved.base_url == base_url:
            return saved.key
    return None


def _wish(now: _Step) -> Wish:
    model = now.values["model"] or (now.row.default_model if now.row else "") or _ANY
    provider = now.row.id if now.row else ""
    return Wish(slot=now.slot, provider=provider, base_url=now.values.get("base_url", ""), model=model)
