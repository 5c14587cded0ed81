"""What `/metrics` says: text that Prometheus reads, figures that are right, on both engines, and never a secret."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.databases import ENGINES, a_database

from mesrai.assembly.figures import figures_of, forge_seen
from mesrai.domain import figures as show
from mesrai.domain.tally import Family, Kind, Sample, Tally, sample
from mesrai.errors import StoreUnavailable
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.server.app import Doors
from mesrai.server.exposition import MEDIA_TYPE, render_figures
from mesrai.server.metrics import metrics_app
from mesrai.store.database import Database
from mesrai.store.opening import open_database

Labels = tuple[tuple[str, str], ...]
LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)')
PAIR = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\[\\n"])*)"')


UNESCAPED = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


def read(text: str) -> Mapping[tuple[str, Labels], float]:
    """A reader by the format's own description: https://prometheus.io/docs/instrumenting/exposition_formats/"""
    found: dict[tuple[str, Labels], float] = {}
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+", line), line
            continue
        matched = LINE.fullmatch(line)
        assert matched, line
        labels = tuple(
            (name, re.sub(r"\\[\\n\"]", lambda each: UNESCAPED[each[0]], value))
            for name, value in PAIR.findall(matched[2] or "")
        )
        assert (matched[1], labels) not in found, line
        found[matched[1], labels] = float(matched[3])
    return found


def of(found: Mapping[tuple[str, Labels], float], name: str) -> dict[tuple[str, ...], float]:
    return {tuple(value for _, value in labels): number for (each, labels), number in found.items() if each == name}


@given(st.text(), st.floats(allow_nan=False))
def test_any_label_and_any_value_is_read_back(label: str, value: float) -> None:
    family = Family(name="a_figure", kind=Kind.GAUGE, meaning="Of\nsome \\ kind.", labels=("what",))
    found = read(render_figures([sample(family, value, what=label)], [family]))
    assert found == {("a_figure", (("what", label),)): pytest.approx(value, nan_ok=True)}


def test_a_histogram_counts_each_value_in_every_bucket_that_holds_it() -> None:
    family = Family(name="a_time", kind=Kind.HISTOGRAM, meaning="Of a kind.", labels=("area",), buckets=(1.0, 2.5))
    tally = Tally()
    for value in (0.5, 1.0, 2.0, 7.0):
        tally.observe(family, value, area="x")
    found = read(render_figures(tally.samples(), [family]))
    assert found == {
        ("a_time_bucket", (("area", "x"), ("le", "1"))): 2,
        ("a_time_bucket", (("area", "x"), ("le", "2.5"))): 3,
        ("a_time_bucket", (("area", "x"), ("le", "+Inf"))): 4,
        ("a_time_sum", (("area", "x"),)): 10.5,
        ("a_time_count", (("area", "x"),)): 4,
    }


def test_the_reader_of_prometheus_reads_the_whole_page_as_ours_does() -> None:
    families = (*show.OF_THE_PROCESS, *show.OF_THE_DATABASE)
    samples = []
    for number, family in enumerate(families):
        labels = tuple((name, f'{name} "{number}" \\ {{}},\nä') for name in family.labels)
        counts = tuple(range(len(family.buckets) + 1)) if family.kind is Kind.HISTOGRAM else ()
        samples.append(Sample(family=family, labels=labels, value=number + 0.5, counts=counts))
    text = render_figures(samples, families)
    parsed = list(text_string_to_metric_families(text))
    assert [each.type for each in parsed] == [str(each.kind) for each in families]
    assert [each.documentation for each in parsed] == [each.meaning for each in families]
    assert {(one.name, tuple(one.labels.items())): one.value for each in parsed for one in each.samples} == read(text)


def test_whoever_can_name_labels_cannot_fill_the_memory() -> None:
    tally = Tally()
    for number in range(5_000):
        tally.add(show.FORGE_REQUESTS, forge="github.com", status=str(number))
    samples = tally.samples()
    assert len(samples) <= 2_001
    assert sum(each.value for each in samples) == 5_000


def test_every_figure_has_a_name_of_ours_that_fits_its_kind_and_stands_once() -> None:
    families = (*show.OF_THE_PROCESS, *show.OF_THE_DATABASE)
    assert len({each.name for each in families}) == len(families)
    for each in families:
        assert re.fullmatch(r"mesrai_[a-z_]+", each.name)
        assert each.name.endswith("_total") == (each.kind is Kind.COUNTER)
        assert (each.kind is Kind.HISTOGRAM) == bool(each.buckets)
        assert list(each.buckets) == sorted(set(each.buckets))
    there = {each for each in vars(show).values() if isinstance(each, Family)}
    assert there == set(families)


SPENT = """
    INSERT INTO spending (at, organisation, repository, review, provider, model, is_settled, is_failed, calls,
        input_tokens, cached_tokens, output_tokens, reasoning_tokens, nanos, currency)
    VALUES ({now} - :age, 'default', 'r', 'v', 'moonshot', 'kimi', :settled, :failed, 1, 100, 40, 10, 5, 2500000000,
        'USD')
"""


async def spent(database: Database, *, age: float, settled: int = 1, failed: int = 0) -> None:
    await database.rows(SPENT.format(now=database.now), age=age, settled=settled, failed=failed)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_all_processes_share_is_the_same_in_each_and_right(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            one, other = figures_of(database, Tally()), figures_of(database, Tally())
            queue = DatabaseQueue(database)
            await queue.put("review", "github.com/a/b#1", {})
            await queue.put("review", "github.com/a/b#2", {})
            await queue.put("command", "github.com/a/b#3", {}, delay_s=3_600)
            job = await queue.claim("w", kinds=("review",))
            assert job is not None
            await database.rows(f"UPDATE jobs SET due_at = {database.now} - 90 WHERE subject = 'github.com/a/b#2'")
            for age in (90_000.0, 9_000.0, 10.0):
                await spent(database, age=age)
            await spent(database, age=5.0, failed=1)
            await spent(database, age=5.0, settled=0)  # in flight: it is no figure yet
            found = shown(await one())
            assert of(found, "mesrai_jobs") == {
                ("review", "running"): 1,
                ("review", "waiting"): 1,
                ("command", "waiting"): 1,
            }
            assert found["mesrai_jobs_oldest_waiting_seconds", ()] == pytest.approx(90, abs=5)
            assert of(found, "mesrai_model_calls_total") == {
                ("moonshot", "kimi", "answered"): 3,
                ("moonshot", "kimi", "failed"): 1,
            }
            assert of(found, "mesrai_model_tokens_total")["moonshot", "kimi", "cached"] == 160
            assert of(found, "mesrai_model_cost_total") == {("moonshot", "kimi", "USD"): 10}
            assert of(found, "mesrai_database_up") == {(): 1}

            await spent(database, age=1.0)
            again, elsewhere = shown(await one()), shown(await other())
            calls = {name: of(each, "mesrai_model_calls_total") for name, each in (("a", again), ("b", elsewhere))}
            assert calls["a"] == calls["b"] == {("moonshot", "kimi", "answered"): 4, ("moonshot", "kimi", "failed"): 1}

    with a_database(engine, tmp_path) as url:
        asyncio.run(scenario(url))


@pytest.mark.parametrize("engine", ENGINES)
def test_permits_outages_budgets_and_reviews_are_shown(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            now = database.now
            for holder, left in (("alive", 60), ("gone", -60)):
                await database.rows(f"INSERT INTO holders (id, until) VALUES ('{holder}', {now} + ({left}))")
                await database.rows(
                    "INSERT INTO permits (account, holder, number, review, tokens, is_out) VALUES "
                    f"('api.x/v1#ab', '{holder}', 1, 'r', 5, 1), ('api.x/v1#ab', '{holder}', 2, 'r', 5, 0)"
                )
            await database.rows("INSERT INTO accounts (account, reduced) VALUES ('api.x/v1#ab', 2)")
            for name, left in (("a", 60), ("b", -60)):
                await database.rows(
                    "INSERT INTO outages (name, cause, message, provider, model, resets_at, since, until, failures, "
                    f"probed_until) VALUES ('{name}', 'ModelQuota', 'm', 'moonshot', '{name}', '', 0, "
                    f"{now} + ({left}), 1, 0)"
                )
            await database.rows(
                "INSERT INTO budgets (organisation, month_nanos, currency) VALUES ('default', 50000000000, 'USD')"
            )
            found = shown(await figures_of(database, Tally())())
        assert of(found, "mesrai_permits") == {("api.x/v1#ab", "out"): 1, ("api.x/v1#ab", "waiting"): 1}
        assert of(found, "mesrai_permits_reduced_to") == {("api.x/v1#ab",): 2}
        assert of(found, "mesrai_outage") == {("moonshot", "a", "ModelQuota"): 1}
        assert of(found, "mesrai_month_budget") == {("default", "USD"): 50}

    with a_database(engine, tmp_path) as url:
        asyncio.run(scenario(url))


class Away:
    """A database that nobody reaches."""

    now = "0"
    for_update = ""

    async def rows(self, _sql: str, /, **_values: object) -> Sequence[Mapping[str, object]]:
        raise StoreUnavailable("The database is away.")


def test_without_the_database_the_process_still_tells_of_itself() -> None:
    tally = Tally()
    tally.add(show.WEBHOOKS, forge="github", outcome="taken")

    async def scenario() -> Sequence[Sample]:
        return await figures_of(Away(), tally)()  # type: ignore[arg-type]

    found = shown(asyncio.run(scenario()))
    assert of(found, "mesrai_database_up") == {(): 0}
    assert of(found, "mesrai_webhooks_total") == {("github", "taken"): 1}
    assert of(found, "mesrai_jobs") == {}


def test_of_several_credentials_the_one_with_the_least_left_is_shown_until_its_window_ends() -> None:
    tally = Tally()
    seen = forge_seen(tally, "github.com")
    later = "99999999999"
    for left, reset in (("4000", later), ("12", "1"), ("3000", later), ("3500", later)):
        seen("core", 200, {"x-ratelimit-remaining": left, "x-ratelimit-reset": reset})
    seen("core", 502, {})
    seen("core", 200, {"x-ratelimit-remaining": "nan", "x-ratelimit-reset": "soon"})
    found = shown(tally.samples())
    assert of(found, "mesrai_forge_rate_limit_remaining") == {("github.com", "core"): 3_000}
    assert of(found, "mesrai_forge_requests_total") == {("github.com", "200"): 5, ("github.com", "502"): 1}


def test_the_listener_shows_figures_and_health_and_nothing_else() -> None:
    asked = 0

    async def figures() -> Sequence[Sample]:
        nonlocal asked
        asked += 1
        return [sample(show.DATABASE_UP, 1)]

    async def webhook(_headers: Mapping[str, str], _body: bytes) -> str:
        raise AssertionError("there is no such door here")

    async def broken() -> Mapping[str, str]:
        return {"database": "It is away."}

    client = TestClient(metrics_app(Doors(github_webhook=webhook, broken=broken), figures))
    answers = [client.get("/metrics") for _ in range(3)]
    assert {each.headers["content-type"] for each in answers} == {MEDIA_TYPE}
    assert of(read(answers[0].text), "mesrai_database_up") == {(): 1}
    assert asked == 1, "asking often costs little"
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").json() == {"ready": False, "broken": ["database"]}
    assert client.post("/webhooks/github", content=b"{}").status_code == 404
    assert client.get("/").status_code == 404


def shown(samples: Sequence[Sample]) -> Mapping[tuple[str, Labels], float]:
    """The figures as they are read by who asks."""
    found = read(render_figures(samples, (*show.OF_THE_PROCESS, *show.OF_THE_DATABASE)))
    assert not any(math.isnan(value) for value in found.values())
    return found
