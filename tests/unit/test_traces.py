"""Traces begin where they are asked for, tell of jobs and questions to models, and never hold anybody's words."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.noted_spans import Noted, Noting
from tests.unit.test_worker import MemoryQueue, a_job

from mesrai.assembly.traces import TracedModel, open_tracing, traced_desk
from mesrai.domain.tracing import UNTRACED, Side
from mesrai.domain.usage import Usage
from mesrai.errors import MesraiError, ModelQuota
from mesrai.jobs.queue import Job
from mesrai.llm.model import Answer, ModelTurn, Profile, Prompt, UserTurn
from mesrai.worker import Desk

JOB = {"mesrai.job": 1, "mesrai.attempt": 1, "mesrai.review": "job-1", "mesrai.subject": "s1"}
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
PROMPT = Prompt(system="A secret system.", turns=(UserTurn(text="A secret question."),))


class Answering:
    """A model that gives one answer, or fails."""

    profile = Profile(provider="moonshot", model="kimi", window=1, max_output=1)

    def __init__(self, gives: Answer | MesraiError) -> None:
        self._gives = gives

    async def ask(self, prompt: Prompt) -> Answer:
        assert prompt is PROMPT
        if isinstance(self._gives, MesraiError):
            raise self._gives
        return self._gives


def chat(outcome: str, tokens: tuple[int, int, int, int], failed: list[str]) -> Noted:
    names = (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "mesrai.cached_tokens",
        "mesrai.reasoning_tokens",
    )
    about = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "moonshot", "gen_ai.request.model": "kimi"}
    facts = {**about, "mesrai.outcome": outcome, **dict(zip(names, tokens, strict=True))}
    return Noted("chat kimi", Side.ASKS, "", facts, failed)


def test_an_answer_is_told_by_its_figures() -> None:
    tracing = Noting()
    usage = Usage(calls=1, input_tokens=70, cached_tokens=30, output_tokens=20, reasoning_tokens=10)
    answer = Answer(turn=ModelTurn(text="A secret answer."), usage=usage, provider="moonshot", model="kimi")
    assert asyncio.run(TracedModel(Answering(answer), tracing).ask(PROMPT)) is answer
    assert tracing.spans == [chat("answered", (70, 20, 30, 10), [])]


def test_a_failure_is_told_by_its_kind_and_what_it_cost() -> None:
    tracing, error = Noting(), ModelQuota("A secret message.")
    error.usage = Usage(input_tokens=70)
    with pytest.raises(ModelQuota):
        asyncio.run(TracedModel(Answering(error), tracing).ask(PROMPT))
    assert tracing.spans == [chat("failed", (70, 0, 0, 0), ["ModelQuota"])]


def test_a_job_has_a_span_and_so_has_telling_that_it_failed() -> None:
    tracing, told = Noting(), []

    async def handle(job: Job) -> str:
        if job.failure:
            raise ModelQuota("A secret message.")
        return "done"

    async def gave_up(job: Job, error: MesraiError) -> None:
        told.append((job.id, error.message))

    async def scenario() -> None:
        desk = traced_desk(Desk(queue=MemoryQueue(), handlers={"review": handle}, gave_up=gave_up), tracing)
        assert await desk.handlers["review"](a_job()) == "done"
        with pytest.raises(ModelQuota):
            await desk.handlers["review"](replace(a_job(), failure="It failed."))
        await desk.gave_up(a_job(), MesraiError("Why."))

    asyncio.run(scenario())
    assert told == [(1, "Why.")]
    assert tracing.spans == [
        Noted("review", Side.INSIDE, "", JOB),
        Noted("review", Side.INSIDE, "", JOB, ["ModelQuota"]),
        Noted("tell that review failed", Side.INSIDE, "", JOB),
    ]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, True),
    ],
)
def test_there_are_none_unless_they_can_be_sent(
    environ: Mapping[str, str], told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with open_tracing(environ) as tracing:
            assert tracing is UNTRACED

    with caplog.at_level(logging.INFO, "mesrai"):
        asyncio.run(scenario())
    assert [each.levelname for each in caplog.records] == ["WARNING"] * told


def test_nothing_of_it_is_loaded_where_it_is_not_asked_for() -> None:
    program = (
        "import asyncio, sys\n"
        "import mesrai.assembly.joined, mesrai.server.traced_requests, mesrai.worker\n"
        "from mesrai.assembly.traces import open_tracing\n"
        "async def run():\n"
        "    async with open_tracing({}):\n"
        "        print([name for name in sys.modules if name.startswith(('opentelemetry', 'google', 'requests'))])\n"
        "asyncio.run(run())\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"


def test_without_the_extra_the_service_runs_and_says_so() -> None:
    program = (
        "import asyncio, logging, sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from mesrai.assembly.traces import open_tracing\n"
        "from mesrai.domain.tracing import UNTRACED\n"
        "async def run():\n"
        "    async with open_tracing({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:9'}) as tracing:\n"
        "        print(tracing is UNTRACED)\n"
        "logging.basicConfig(stream=sys.stdout, format='%(levelname)s %(message)s')\n"
        "asyncio.run(run())\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.splitlines() == [
        "WARNING OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces need more: pip install 'mesrai[otel]'. None are sent.",
        "True",
    ]
