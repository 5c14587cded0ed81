"""How connections to models, and their tests, look at the interface."""

from typing import Annotated, Any

import msgspec

from mesrai.domain.connection import Slot, Thinking
from mesrai.flows.model_words import PROBLEMS, STAGES
from mesrai.flows.slots import SlotStanding
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.probing import Advice, Diagnosis, Tested
from mesrai.server.api.paging import Instant, Sent, Shape, when

Text = Annotated[str, msgspec.Meta(max_length=500)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class Routes(Shape, frozen=True, kw_only=True):
    """Which of OpenRouter's hosts may serve the model."""

    order: list[str]
    allow_fallbacks: bool


class OutageShown(Shape, frozen=True, kw_only=True):
    """Why a connection is not asked now."""

    told: str
    back_at: Instant | None


class ConnectionShown(Shape, frozen=True, kw_only=True):
    """A connection without its key."""

    slot: Slot
    provider: str
    provider_name: str
    base_url: str
    model: str
    key_hint: Annotated[str, msgspec.Meta(description="Dots and at most the last four characters; empty: no key.")]
    thinking: Thinking
    custom_json: dict[str, Any] | None
    routing: Routes | None
    temperature: float | None
    max_output_tokens: int | None
    tier: int | None
    max_concurrent_requests: int | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    tokens_per_day: int | None
    proven_at: str | None
    origin: str
    is_saved: Annotated[bool, msgspec.Meta(description="False: the environment or the settings file says so.")]
    saved_at: Instant | None
    saved_by: str | None
    in_flight: int
    outage: OutageShown | None
    notices: list[str]


class ConnectionList(Shape, frozen=True, kw_only=True):
    """Both slots."""

    main: ConnectionShown | None
    fallback: ConnectionShown | None
    is_locked: Annotated[bool, msgspec.Meta(description="The saved keys cannot be opened, so no model is asked.")]
    notices: list[str]


class StageShown(Shape, frozen=True, kw_only=True):
    """One stage of a test."""

    stage: str
    title: str
    state: str
    told: str
    facts: list[str]
    took_s: float


class AdviceShown(Shape, frozen=True, kw_only=True):
    """One thing to do about what is wrong."""

    step: str
    told: str
    provider: str
    model: str
    base_url: str
    link: str


class DiagnosisShown(Shape, frozen=True, kw_only=True):
    """What is wrong."""

    problem: str
    title: str
    told: str
    advice: list[AdviceShown]
    provider_words: str
    request_id: str
    status: int | None
    resets_at: str


class TestShown(Shape, frozen=True, kw_only=True):
    """A test that came to its end."""

    is_proven: bool
    is_failed: bool
    stages: list[StageShown]
    diagnosis: DiagnosisShown | None
    unproven: list[str]
    notices: list[str]
    models: list[str]
    calls: int
    input_tokens: int
    output_tokens: int
    cost: str | None
    currency: str


class ConnectionSaved(Shape, frozen=True, kw_only=True):
    """A connection that was saved, and its test; without one, nothing that is sent changed."""

    connection: ConnectionShown
    test: TestShown | None


class Wanted(Sent, frozen=True, kw_only=True):
    """A connection: a card with a plan, or a provider or address with a model; and how it is tuned."""

    card: Text = ""
    plan: Text = ""
    provider: Text = ""
    base_url: Text = ""
    model: Text = ""
    key: Annotated[
        str,
        msgspec.Meta(
            max_length=10_000,
            description="Never given back. Left out: the saved one stays, if the address does.",
            extra_json_schema={"writeOnly": True},
        ),
    ] = ""
    thinking: Thinking | None = None
    custom_json: dict[str, Any] | None = None
    routing: Annotated[tuple[Text, ...], msgspec.Meta(max_length=20)] = ()
    routing_fallbacks: bool = True
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    max_output_tokens: Count | None = None
    tier: Annotated[int, msgspec.Meta(ge=0, le=5)] | None = None
    max_concurrent_requests: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    tokens_per_day: Count | None = None


class SaveConnection(Wanted, frozen=True, kw_only=True):
    """A connection that is tested in full, and saved if its model really answered."""

    force: Annotated[bool, msgspec.Meta(description="Save it even if the test fails, marked unproven.")] = False
    replace_fixed: Annotated[bool, msgspec.Meta(description="Save it over what the environment connects.")] = False


class TryConnection(Wanted, frozen=True, kw_only=True):
    """A connection that is tested and not saved."""

    slot: Slot = Slot.MAIN
    full: Annotated[bool, msgspec.Meta(description="Ask the model itself, which costs a little.")] = False


class PreviewConnection(Wanted, frozen=True, kw_only=True):
    """A connection whose next request is shown. Nothing is sent."""

    slot: Slot = Slot.MAIN


class TestSlot(Sent, frozen=True, kw_only=True):
    """How a connection is tested."""

    full: Annotated[bool, msgspec.Meta(description="Ask the model itself, which costs a little.")] = False


class SlotAt(Sent, frozen=True, kw_only=True):
    """Which connection."""

    slot: Slot


class SearchHome(Wanted, frozen=True, kw_only=True):
    """A connection whose key belongs elsewhere: it is shown to the same vendor's other addresses, free of charge."""

    slot: Slot = Slot.MAIN


class HomeShown(Shape, frozen=True, kw_only=True):
    """An address of the vendor's that was asked whether a key is its own."""

    provider: str
    name: str
    base_url: str
    verdict: str
    told: str


class HomeList(Shape, frozen=True, kw_only=True):
    """Those that were asked."""

    items: list[HomeShown]


class RequestShown(Shape, frozen=True, kw_only=True):
    """A request as it would be sent, its key hidden."""

    method: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    notices: list[str]


def connection_shown(found: SlotStanding, catalogue: Catalogue) -> ConnectionShown:
    """A slot that is filled."""
    connection, limits, routing = found.connection, found.connection.limits, found.connection.routing
    outage = found.outage
    return ConnectionShown(
        slot=connection.slot,
        provider=connection.provider,
        provider_name=catalogue.provider(connection.provider).name,
        base_url=connection.base_url,
        model=connection.model,
        key_hint=found.key_hint,
        thinking=connection.thinking,
        custom_json=None if connection.custom is None else dict(connection.custom),
        routing=Routes(order=list(routing.order), allow_fallbacks=routing.allow_fallbacks) if routing else None,
        temperature=connection.temperature,
        max_output_tokens=connection.max_output_tokens,
        tier=connection.tier,
        max_concurrent_requests=limits.concurrent,
        requests_per_minute=limits.requests_per_minute,
        tokens_per_minute=limits.tokens_per_minute,
        tokens_per_day=limits.tokens_per_day,
        proven_at=connection.proven_at or None,
        origin=connection.origin,
        is_saved=found.is_saved,
        saved_at=when(found.stored.updated_at) if found.stored else None,
        saved_by=found.stored.updated_by if found.stored else None,
        in_flight=found.use.flying,
        outage=OutageShown(told=outage.cause.message, back_at=_back(outage.back_at)) if outage else None,
        notices=list(connection.notices),
    )


def test_shown(tested: Tested) -> TestShown:
    """A test that came to its end."""
    usage = tested.usage
    return TestShown(
        is_proven=tested.is_proven,
        is_failed=tested.is_failed,
        stages=[
            StageShown(
                stage=str(each.stage),
                title=STAGES[each.stage],
                state=str(each.state),
                told=each.told,
                facts=list(each.facts),
                took_s=round(each.took_s, 3),
            )
            for each in tested.stages
        ],
        diagnosis=_diagnosis(tested.diagnosis) if tested.diagnosis else None,
        unproven=list(tested.unproven),
        notices=list(tested.notices),
        models=list(tested.listed),
        calls=usage.calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=None if usage.cost is None else f"{usage.cost:f}",
        currency=usage.currency,
    )


def _diagnosis(found: Diagnosis) -> DiagnosisShown:
    return DiagnosisShown(
        problem=str(found.problem),
        title=PROBLEMS[found.problem],
        told=found.told,
        advice=[_advice(each) for each in found.advice],
        provider_words=found.provider_words,
        request_id=found.request_id,
        status=found.status,
        resets_at=found.resets_at,
    )


def _advice(advice: Advice) -> AdviceShown:
    return AdviceShown(
        step=str(advice.step),
        told=advice.told,
        provider=advice.provider,
        model=advice.model,
        base_url=advice.base_url,
        link=advice.link,
    )


def _back(at: float | None) -> Instant | None:
    return None if at is None else when(at)
