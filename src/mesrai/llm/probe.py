"""The test of a connection: stage by stage, each shown as it happens, by the very code that reviews use."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from mesrai.domain.connection import Connection, Learned
from mesrai.errors import MesraiError, ModelTimeout
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.diagnosis import diagnose
from mesrai.llm.model import Model
from mesrai.llm.probe_address import check_address
from mesrai.llm.probe_asking import Asker, check_inference, check_shape, check_tools
from mesrai.llm.probe_case import Case, Found, case_of, failed
from mesrai.llm.probe_ceiling import Meter, ceiling_for
from mesrai.llm.probe_fetch import Fetched
from mesrai.llm.probe_key import check_key
from mesrai.llm.probe_model import Looked, check_model
from mesrai.llm.probing import FREE, Advice, Diagnosis, Problem, Stage, StageResult, State, Tested, Watch
from mesrai.llm.transport import Session

MOST_STAGE_S: Final = 600.0  # however slowly a provider drips; single requests have deadlines of their own
_NOT_ASKED: Final = "That the model answers, uses tools and keeps to a shape: nothing was asked of it."
_NOT_ADMITTED: Final = (
    "That this client is admitted: the plan shows its list and its quota also to clients that it refuses to answer."
)
_Work = Callable[[], Awaitable[Found]]


async def probe(
    connection: Connection, *, catalogue: Catalogue, session: Session, model: Model, is_full: bool, watch: Watch
) -> Tested:
    """Test a connection. `model` is that connection's own, without retries; it is asked only if `is_full`.

    Each stage is handed to `watch` when it begins and when it ends. Every failure is in what is returned; nothing is
    raised but cancellation, and SettingsError for a provider nobody knows. What is spent stays below `ceiling_for`.
    """
    case = case_of(connection, catalogue)
    asker = Asker(model=model, meter=Meter(ceiling_for(connection, catalogue)))
    return await _Run(case=case, session=session, asker=asker, watch=watch).all_stages(is_full=is_full)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One test under way."""

    case: Case
    session: Session
    asker: Asker
    watch: Watch
    results: list[StageResult] = field(default_factory=list)
    diagnosis: Diagnosis | None = None
    unproven: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    learned: Learned | None = None
    open_list: Fetched | None = None

    async def all_stages(self, *, is_full: bool) -> Tested:
        works: dict[Stage, _Work] = {
            Stage.ADDRESS: self._address,
            Stage.KEY: lambda: check_key(self.case, self.session, self.open_list),
            Stage.MODEL: lambda: self._model(is_full=is_full),
            Stage.INFERENCE: lambda: check_inference(self.case, self.asker),
            Stage.TOOLS: lambda: check_tools(self.case, self.asker),
            Stage.SHAPE: lambda: check_shape(self.case, self.asker),
        }
        for stage, work in works.items():
            await self._stage(stage, work, is_wanted=is_full or stage in FREE)
        return self._tested()

    async def _address(self) -> Found:
        arrival = await check_address(self.case, self.session)
        self.open_list = arrival.open_list
        return arrival.found

    async def _model(self, *, is_full: bool) -> Found:
        looked = await check_model(self.case, self.session, self.open_list, is_full=is_full)
        self.case, self.learned = self._with(looked), looked.learned
        return looked.found

    def _with(self, looked: Looked) -> Case:
        is_unlisted = looked.found.diagnosis is not None and looked.found.diagnosis.problem is Problem.UNKNOWN_MODEL
        return replace(self.case, listed=looked.listed, is_unlisted=is_unlisted)

    async def _stage(self, stage: Stage, work: _Work, *, is_wanted: bool) -> None:
        broken = next((each.stage for each in self.results if each.state is State.FAILED), None)
        if broken is not None or not is_wanted:
            told = f"Not tried, since the {broken} stage failed." if broken is not None and is_wanted else ""
            self._ended(StageResult(stage=stage, state=State.SKIPPED, told=told))
            return
        self.watch(StageResult(stage=stage, state=State.RUNNING))
        self.asker.on_wait = lambda seconds: self.watch(_waiting(stage, seconds))
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(MOST_STAGE_S):
                found = await work()
        except TimeoutError:
            slow = ModelTimeout(f"This stage took longer than {MOST_STAGE_S:.0f} s and was given up.")
            found = failed(diagnose(slow, self.case, stage))
        except MesraiError as error:
            found = failed(diagnose(error, self.case, stage))
        self._take(stage, found)
        facts = tuple(self.case.without_key(each) for each in found.facts)
        told = self.case.without_key(found.told)
        self._ended(StageResult(stage=stage, state=found.state, told=told, facts=facts, took_s=clock() - began))

    def _ended(self, result: StageResult) -> None:
        self.results.append(result)
        self.watch(result)

    def _take(self, stage: Stage, found: Found) -> None:
        """Keep what is wrong: a failure is all that matters; of what is merely to be known, the first."""
        if found.diagnosis is not None and (self.diagnosis is None or found.state is State.FAILED):
            self.diagnosis = found.diagnosis
        elif stage is Stage.INFERENCE and found.state is not State.FAILED:
            self.diagnosis = found.diagnosis  # the model answered, so whatever was doubted of the way to it is not so
        self.unproven += found.unproven
        self.notices += found.notices

    def _tested(self) -> Tested:
        hide = self.case.without_key
        usage = self.asker.meter.usage
        tested = Tested(
            stages=tuple(self.results),
            diagnosis=_hidden(self.diagnosis, hide),
            learned=self.learned,
            listed=self.case.listed,
            usage=usage,
            notices=tuple(hide(each) for each in dict.fromkeys((*self.notices, *self.asker.notices))),
        )
        if tested.is_failed or tested.is_proven:
            return tested  # a failure says enough, and a model that answered proved all that was open
        return replace(tested, unproven=tuple(dict.fromkeys((*self.unproven, *self._not_asked()))))

    def _not_asked(self) -> tuple[str, ...]:
        has_gate = self.case.row.key_check.endswith("/usages")
        return (_NOT_ASKED, _NOT_ADMITTED) if has_gate else (_NOT_ASKED,)


def _waiting(stage: Stage, seconds: float) -> StageResult:
    told = f"The account may not ask this fast; waiting {seconds:.0f} s, as the provider says."
    return StageResult(stage=stage, state=State.RUNNING, told=told)


def _hidden(diagnosis: Diagnosis | None, hide: Callable[[str], str]) -> Diagnosis | None:
    """The diagnosis without the key, wherever a provider may have put it."""
    if diagnosis is None:
        return None
    advice = tuple(
        Advice(
            step=each.step,
            told=hide(each.told),
            provider=each.provider,
            model=hide(each.model),
            base_url=hide(each.base_url),
            link=each.link,
        )
        for each in diagnosis.advice
    )
    return replace(
        diagnosis,
        told=hide(diagnosis.told),
        advice=advice,
        provider_words=hide(diagnosis.provider_words),
        request_id=hide(diagnosis.request_id),
        resets_at=hide(diagnosis.resets_at),
    )
