"""A storm: things happen to pull requests while processes are killed with -9; then everything is counted."""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.databases import a_database
from tests.fleet import Fleet, Spread, a_fleet, spread
from tests.github.played import PlayedPull
from tests.served import CLEAN, FAULTY, Place, a_place

from mesrai.jobs.embedded import MOST_ATTEMPTS
from mesrai.store.opening import open_database

_LATENCY_S: Final = 0.1
_NUMBERED: Final = re.compile(r"change-(\d+)-")
_OPEN_JOBS: Final = "SELECT count(*) AS count FROM jobs WHERE state IN ('waiting', 'running')"
_HELD_BY: Final = "SELECT subject FROM jobs WHERE state = 'running' AND worker LIKE :name"
_HELP: Final = "What Mesrai does here"


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What is to happen."""

    engine: str
    jobs: int  # things that happen, each of which is one job
    kill_every_s: float
    doors: int = 2
    workers: int = 3  # 0: the doors do the work
    most_kills: int = 1_000_000
    act_every_s: float = 0.25
    seed: int = 1
    quiet_s: float = 600.0  # after the last thing happened, for all to be ended
    judged: bool = True  # whether the stand-in for GitHub checks every message against what GitHub publishes


@dataclass(kw_only=True)
class _Pull:
    """A pull request, and what happened to it."""

    played: PlayedPull
    at: int  # the number that stands in its files
    heads: list[str]
    asked_help: int = 0
    kills: int = 0  # of processes that were reviewing it

    def was_given_up(self, place: Place) -> bool:
        """Whether its review was killed as often as a job is begun, and the pull request says that it failed."""
        is_told = any(each.sha in self.heads and each.conclusion == "failure" for each in place.shop.checks)
        return self.kills >= MOST_ATTEMPTS and is_told


@dataclass(kw_only=True)
class _Weather:
    """The storm as it goes."""

    storm: Storm
    url: str
    place: Place
    fleet: Fleet
    chance: random.Random
    pulls: list[_Pull] = field(default_factory=list)


def storm_over(storm: Storm, folder: Path) -> dict[str, Any]:
    """Let it happen in `folder`. Returns the counts, and under `wrong` a sentence for each thing that is not right."""
    with ExitStack() as stack:
        url = stack.enter_context(a_database(storm.engine, folder))
        # A minute of the provider's limits takes a second: they are not what is looked at here.
        place = stack.enter_context(a_place(folder, url, judged=storm.judged, latency_s=_LATENCY_S, minute_s=1.0))
        place.env["MESRAI_LEASE_S"] = "3"
        before = len(place.sandbox.calls)
        fleet = stack.enter_context(a_fleet(place, doors=storm.doors, workers=storm.workers))
        weather = _Weather(storm=storm, url=url, place=place, fleet=fleet, chance=random.Random(storm.seed))
        began = time.monotonic()
        with spread(fleet) as bringing:
            is_over = _blow(weather, bringing)
        told = {"elapsed_s": round(time.monotonic() - began, 1), "kills": fleet.kills, "jobs": storm.jobs}
        jobs = _rows(url, "SELECT id, kind, subject, state, attempts, reason FROM jobs ORDER BY id")
        wrong = [] if is_over else ["Not all jobs ended in time."]
        wrong += [*fleet.faults, *_wrong_jobs(weather, jobs), *_wrong_deliveries(place), *_wrong_pulls(weather)]
        asked, repeats = _asked(weather, before)
        wrong += repeats
        return told | asked | _counted(weather, jobs) | {"wrong": wrong}


def _blow(weather: _Weather, bringing: Spread) -> bool:
    """Everything happens; whether all jobs ended in the time that they have."""
    storm, began = weather.storm, time.monotonic()
    acted, killed_at, ends = 0, began, 0.0
    while True:
        now = time.monotonic()
        if acted < storm.jobs and now - began >= acted * storm.act_every_s:
            _act(weather)
            acted, ends = acted + 1, time.monotonic() + storm.quiet_s
        if now - killed_at >= storm.kill_every_s and weather.fleet.kills < storm.most_kills:
            killed_at = now if _killed(weather) else killed_at
        if acted == storm.jobs and bringing.is_settled and _is_quiet(weather.url):
            return True
        if acted == storm.jobs and now > ends:
            return False
        time.sleep(0.02)


def _act(weather: _Weather) -> None:
    """One thing that makes one job: a pull request, a push to one, or a question in one."""
    shop, pulls, chance = weather.place.shop, weather.pulls, weather.chance
    kind = chance.choice(("open", "open", "open", "push", "help")) if pulls else "open"
    if kind == "open":
        at = len(pulls)
        files = {f"cart{at}.py": f"{FAULTY}\n# change-{at}-0\n"}
        played = shop.open_pull_request(f"feature-{at}", files, author="ada")
        pulls.append(_Pull(played=played, at=at, heads=[played.head_sha]))
        return
    pull = chance.choice(pulls)
    if kind == "help":
        pull.played.say("ada", "@mesrai help")
        pull.asked_help += 1
        return
    text = chance.choice((CLEAN, FAULTY)) + f"\n# change-{pull.at}-{len(pull.heads)}\n"
    pull.heads.append(pull.played.push({f"cart{pull.at}.py": text}, by="ada"))


def _killed(weather: _Weather) -> bool:
    """Kill a process, note whose review that interrupted, and begin it again.

    Only one that is up, and only while most are: where processes begin more slowly than they are killed, none would
    ever get to work, and nothing would be shown.
    """
    fleet = weather.fleet
    up = [each for each in fleet.members if each.is_up]
    if 2 * len(up) <= len(fleet.members):
        return False
    member = weather.chance.choice(up)
    pid = fleet.kill(member)
    held = _rows(weather.url, _HELD_BY, name=f"%-{pid}-%")
    fleet.begin(member)
    numbers = {int(str(row["subject"]).partition("#")[2].partition(":")[0]) for row in held}
    for pull in weather.pulls:
        pull.kills += pull.played.number in numbers
    return True


def _is_quiet(url: str) -> bool:
    return int(_rows(url, _OPEN_JOBS)[0]["count"]) == 0


def _wrong_jobs(weather: _Weather, jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Jobs that did not end well. One whose processes were all killed is given up, and says so where people see it."""
    return [
        f"Job {job['id']} ({job['kind']} {job['subject']}) is {job['state']} after {job['attempts']} attempts: "
        f"{job['reason']}"
        for job in jobs
        if job["state"] != "done" and not any(pull.was_given_up(weather.place) for pull in _of(weather, job))
    ]


def _of(weather: _Weather, job: Mapping[str, Any]) -> list[_Pull]:
    number = str(job["subject"]).partition("#")[2]
    return [pull for pull in weather.pulls if str(pull.played.number) == number and job["state"] == "failed"]


def _wrong_deliveries(place: Place) -> list[str]:
    return [
        f"The event {each.event}.{each.action} was answered by {each.statuses}."
        for each in place.github.deliveries
        if not each.statuses or each.statuses[-1] != 202
    ]


def _wrong_pulls(weather: _Weather) -> list[str]:
    return [f"#{pull.played.number}: {each}" for pull in weather.pulls for each in _wrong_pull(weather, pull)]


def _wrong_pull(weather: _Weather, pull: _Pull) -> list[str]:
    """What stands on a pull request and should not, or does not and should."""
    ours = [each for each in pull.played.comments if each.user is weather.place.github.app.bot]
    helped = sum(_HELP in each.body for each in ours)
    summaries = len(ours) - helped
    wrong = [f"{helped} answers to {pull.asked_help} questions"] if helped != pull.asked_help else []
    wrong += [f"{summaries} summaries"] if summaries != 1 else []
    lines = Counter((each.path, each.line, each.commit, each.body) for each in pull.played.review_comments)
    wrong += [f"a comment stands {count} times at {line[:3]}" for line, count in lines.items() if count > 1]
    is_due = len(pull.heads) == 1 and not pull.was_given_up(weather.place)
    if is_due and len(pull.played.review_comments) != 1:
        wrong.append(f"{len(pull.played.review_comments)} comments on lines")
    for head in pull.heads:
        runs = [each for each in weather.place.shop.checks if each.sha == head]
        is_last = head == pull.heads[-1]
        if len(runs) > 1 or (is_last and not runs):
            wrong.append(f"{len(runs)} checks on {head[:7]}")
        wrong += [f"the check on {head[:7]} never ended" for each in runs if not each.conclusion]
    return wrong


def _asked(weather: _Weather, before: int) -> tuple[dict[str, Any], list[str]]:
    """What the model was asked, and which answers were paid for though they were known."""
    calls = [call for call in weather.place.sandbox.calls[before:] if call.status in (0, 200)]  # 0: cut off
    bodies = Counter(json.dumps(call.body, sort_keys=True) for call in calls)
    repeats: Counter[int] = Counter()
    for body, count in bodies.items():
        found = _NUMBERED.search(body)
        repeats[int(found[1]) if found else -1] += count - 1
    kills = {pull.at: pull.kills for pull in weather.pulls}
    wrong = [
        f"change {at}: {count} answers were paid for again, and its review was interrupted {kills.get(at, 0)} times"
        for at, count in repeats.items()
        if count > kills.get(at, 0)
    ]
    told = {"questions": len(bodies), "requests": sum(bodies.values()), "asked_again": sum(repeats.values())}
    return told | {"interrupted": sum(kills.values())}, wrong


def _counted(weather: _Weather, jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    pulls = weather.pulls
    return {
        "pull_requests": len(pulls),
        "pushes": sum(len(pull.heads) - 1 for pull in pulls),
        "questions_in_comments": sum(pull.asked_help for pull in pulls),
        "job_rows": len(jobs),
        "replaced": sum(bool(job["reason"]) and job["state"] == "done" for job in jobs),
        "given_up": sum(job["state"] == "failed" for job in jobs),
        "began_again": sum(job["attempts"] > 1 for job in jobs),
        "most_attempts": max(job["attempts"] for job in jobs),
        "comments_on_lines": sum(len(pull.played.review_comments) for pull in pulls),
        "checks": len(weather.place.shop.checks),
        "webhooks": len(weather.place.github.deliveries),
        "webhooks_tried_again": sum(len(each.statuses) > 1 for each in weather.place.github.deliveries),
    }


def _rows(url: str, sql: str, **values: str) -> Sequence[Mapping[str, Any]]:
    async def ask() -> Sequence[Mapping[str, Any]]:
        async with open_database(url) as database:
            return await database.rows(sql, **values)

    return asyncio.run(ask())
