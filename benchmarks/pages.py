"""The pages of the site over a database of 10,000 reviews, beside a bare page of the framework in the same process.

python -m benchmarks.pages                       both engines, each page 20 times
python -m benchmarks.pages --engine sqlite --only /usage
"""

import argparse
import asyncio
import http.client
import importlib
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from tests.databases import ENGINES, a_database
from tests.web.kept_reviews import FULL, code_of
from tests.web.stand import Person, Stand, a_site

from mesrai.domain.roles import Role
from mesrai.review.render.json_text import render_json
from mesrai.server.app import site_app
from mesrai.server.web.house import House
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Site

DAY_S = 86_400.0
DAYS = 90
REPOSITORIES = 50
REVIEWS, SPENDING, CALLS, EVENTS, JOBS, AUDIT = 10_000, 60_000, 100_000, 100_000, 10_000, 5_000
HELLO = "/bare/hello"
NAMES = [f"github.com/acme/r{at}" for at in range(REPOSITORIES)]
ADDED_UP = importlib.import_module("mesrai.store.migrations.versions.0012_spent")._FILL  # what it was paid, by day
PATHS = (
    "/start",
    "/reviews",
    "/reviews?author=author-7",
    "/reviews?title=number+77",
    "/reviews?severity=critical",
    "/reviews?outcome=partial",
    "/reviews?repository=github.com/acme/r7",
    "/reviews/job-5000",
    "/reviews/job-5000/calls",
    "/reviews/job-5000/calls/{call}",
    "/reviews/job-10000",
    "/reviews/job-10000/live",
    "/usage",
    "/usage?since={year}",
    "/usage?since={year}&repository=github.com/acme/r7",
    "/usage.csv?by=review",
    "/repositories",
    "/organization/github",
    "/organization/byok",
    "/configuration",
    "/configuration?repository=github.com/acme/r7",
    "/rules",
    "/memories",
    "/people",
    "/account",
    "/audit",
    "/queue",
)


Rows = tuple[str, str, Sequence[Sequence[object]]]  # a table, its columns, and what to put into it


def rows_of(now: float) -> Iterator[Rows]:
    """The rows of each table, the same ones every time but for the clock."""
    began = now - DAYS * DAY_S
    yield _reviews(began)
    yield _spending(began)
    yield from _said(began)
    yield _jobs(now)
    columns = "at organisation who what subject details"
    change = ("default", "ada@example.com", "member.role", "eve@example.com", '{"role": ["member", "admin"]}')
    yield "audit", columns, [(began + at, *change) for at in range(AUDIT)]
    columns = "organisation name installation is_private is_reviewed is_reached seen_at"
    yield "repositories", columns, [("default", name, None, 0, 1, 1, now) for name in NAMES]
    columns = "email name password subject created_at"
    yield "people", columns, [(f"member-{at}@example.com", f"Member {at}", "", "", now) for at in range(50)]
    columns = "organisation account role repositories since"
    yield "members", columns, [("default", at + 1, "member", "[]", now) for at in range(50)]
    yield _memories(now)


def _reviews(began: float) -> Rows:
    report = render_json(replace(FULL, change=replace(FULL.change, head="a" * 40)))
    excerpts = code_of(FULL)

    def row(at: int) -> Sequence[object]:
        name, when = NAMES[at % REPOSITORIES], began + at * DAYS * DAY_S / REVIEWS
        outcome = "running" if at == REVIEWS else "partial" if at % 40 == 7 else "reviewed"
        ran = (f"job-{at}", "default", f"{name}#{at}", name, "a" * 40, "main", outcome, "")
        about = (f"Change number {at}", f"author-{at % 37}", "opened", "moonshot/kimi-k2.6", "")
        found = (int(at % 50 == 3), at % 3, 1, 2, int(at % 90 == 0))
        cost = (60.0 + at % 50, 10**7, "USD", excerpts)
        return (*ran, "" if outcome == "running" else report, when, when + 70, *about, *found, *cost)

    columns = (
        "id organisation subject repository head_sha base_ref outcome reason report created_at changed_at title author "
        "trigger models stop_by critical high medium low failovers took_s nanos currency excerpts"
    )
    return "reviews", columns, [row(at) for at in range(1, REVIEWS + 1)]


def _spending(began: float) -> Rows:
    dice = random.Random(7)

    def row(at: int) -> Sequence[object]:
        review = at * REVIEWS // SPENDING + 1
        model = ("zai", "glm-5.1") if at % 9 == 4 else ("moonshot", "kimi-k2.6")
        asked = (began + at * DAYS * DAY_S / SPENDING, "default", NAMES[review % REPOSITORIES], f"job-{review}", *model)
        tokens = (18_000 + dice.randrange(9_000), 9_000, 1_200, 0)
        return (*asked, 1, int(at % 50 == 1), 1, *tokens, dice.randrange(10**8), "USD")

    columns = (
        "at organisation repository review provider model is_settled is_failed calls input_tokens cached_tokens "
        "output_tokens reasoning_tokens nanos currency"
    )
    return "spending", columns, [row(at) for at in range(SPENDING)]


def _said(began: float) -> Iterator[Rows]:
    prompt = json.dumps({"system": "s", "turns": [{"role": "user", "text": "x" * 800}], "tools": [], "shape": ""})
    answer = json.dumps({"role": "model", "text": "{}", "calls": []})
    ended = (9.5, "submit_review", "moonshot", "kimi-k2.6", 0, "", prompt, answer, 18_000, 9_000, 1_200, 10**7, "USD")
    columns = (
        "review at took_s purpose provider model is_failover error prompt answer input_tokens cached_tokens "
        "output_tokens nanos currency"
    )
    yield "calls", columns, [(f"job-{at * REVIEWS // CALLS + 1}", began + at, *ended) for at in range(CALLS)]
    told = json.dumps({"paths": ["a.py"], "failure": "", "confirmed": 0, "refuted": 1, "found": []})
    happened = [(f"job-{at * REVIEWS // EVENTS + 1}", began + at, "BatchEnded", told) for at in range(EVENTS)]
    yield "review_events", "review at kind told", happened


def _jobs(now: float) -> Rows:
    def row(at: int) -> Sequence[object]:
        name, state = NAMES[at % REPOSITORIES], "waiting" if at >= JOBS - 300 else "done"
        return ("review", f"{name}#{at}", name, "{}", state, now, 1, 0, "w", 0.0, "", now - at, now - at, now)

    columns = (
        "kind subject repository payload state due_at attempts spared worker lease_until reason created_at claimed_at "
        "changed_at"
    )
    return "jobs", columns, [row(at) for at in range(JOBS)]


def _memories(now: float) -> Rows:
    def row(at: int) -> Sequence[object]:
        where = ("default", NAMES[at % REPOSITORIES], "repository", "[]", f"Convention number {at}.")
        return (*where, "pending" if at % 9 == 0 else "active", "ada", "", 0, now, now, "", 0.0)

    columns = (
        "organisation repository scope paths text state author origin replaces created_at changed_at decided_by "
        "decided_at"
    )
    return "memories", columns, [row(at) for at in range(450)]


def fill(url: str, now: float) -> None:
    """Put the rows in."""
    if url.startswith("sqlite:"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for table, columns, rows in rows_of(now):
                names = columns.split()
                marks = ", ".join("?" for _ in names)
                connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
            connection.execute(ADDED_UP)
        connection.close()
        return

    async def put() -> None:
        connection = await asyncpg.connect(url)
        for table, columns, rows in rows_of(now):
            await connection.copy_records_to_table(table, columns=columns.split(), records=rows)
        await connection.execute(ADDED_UP)
        await connection.execute("ANALYZE")
        await connection.close()

    asyncio.run(put())


def with_hello(house: House) -> Starlette:
    """The site with a page of the framework alone beside it: no session, no template, no database."""

    async def hello(_request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Hello</title><h1>Hello</h1>")

    bare = Starlette(routes=[Route("/hello", hello)])
    return Starlette(routes=[Mount("/bare", app=bare), Mount("/", app=site_app(Site(house, PAGES)))])


def timed(person: Person, path: str, times: int) -> tuple[Sequence[float], float, int]:
    """Each of so many requests on one connection in milliseconds, what this process computed for the median one, and
    the bytes of an answer as it was packed. On a busy machine only what was computed tells much.
    """
    place = urlsplit(person.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=120)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    took: list[float] = []
    computed: list[float] = []
    size = 0
    for _ in range(times + 2):
        began, spent = time.perf_counter(), time.process_time()
        connection.request("GET", path, headers={"cookie": cookies, "accept-encoding": "gzip"})
        response = connection.getresponse()
        if path.endswith("/live"):
            size = len(response.readline())  # its first piece; the rest comes while the review runs
            took.append((time.perf_counter() - began) * 1_000)
            computed.append((time.process_time() - spent) * 1_000)
            connection.close()
            continue
        size = len(response.read())
        took.append((time.perf_counter() - began) * 1_000)
        computed.append((time.process_time() - spent) * 1_000)
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status}")
    connection.close()
    return (
        took[2:],
        statistics.median(computed[2:]),
        size,
    )  # the first ones fill caches of templates and of the database


def measured(stand: Stand, paths: Sequence[str], times: int) -> Iterator[tuple[str, str, int]]:
    """Each page: its median, its 95th percentile and what was computed, in milliseconds; and its bytes."""
    owner = stand.member(Role.OWNER)
    call = stand.run(stand.house.database.rows("SELECT min(id) AS id FROM calls WHERE review = 'job-5000'"))[0]["id"]
    year = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 364 * DAY_S))
    for path in (HELLO, *paths):
        took, computed, size = timed(owner, path.format(call=call, year=year), times)
        slow = statistics.quantiles(took, n=20)[-1]
        yield path, f"{statistics.median(took):.1f}, {slow:.1f}, {computed:.1f}", size


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="How long the pages take with 10,000 reviews.")
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--only", action="append", help="paths that begin so")
    parser.add_argument("--times", type=int, default=20)
    asked = parser.parse_args()
    paths = [path for path in PATHS if not asked.only or path.startswith(tuple(asked.only))]
    told: dict[str, list[str]] = {}
    engines = asked.engine or ENGINES
    for engine in engines:
        with tempfile.TemporaryDirectory() as folder, a_database(engine, Path(folder)) as url:
            fill(url, time.time())
            with a_site(Path(folder), url=url, app=with_hello) as stand:
                for path, figures, size in measured(stand, paths, asked.times):
                    told.setdefault(path, [f"{size / 1_000:.1f}"]).append(figures)
    print("| page | kB | " + " | ".join(f"{engine}: median, p95, computing (ms)" for engine in engines) + " |")
    print("|---|---|" + "---|" * len(engines))
    for path, cells in told.items():
        print(f"| `{path}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
