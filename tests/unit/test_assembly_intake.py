"""What GitHub tells the joined service: what is written down of it, and what is due then."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.databases import a_new_file
from tests.github.records import CheckRun
from tests.github.webhooks import Delivery, headers_of
from tests.served import CLEAN, FAULTY, SECRET, Place, a_place

from mesrai.assembly.joined import assembled
from mesrai.flows.receive import REVIEW
from mesrai.store.opening import open_database
from mesrai.store.pull_requests import find_followed


def our_check(place: Place, sha: str) -> CheckRun:
    """A check of ours that stands on a commit."""
    world = place.github.world
    check = CheckRun(
        id=world.new_id(),
        repository=place.shop.record,
        app=place.github.app,
        suite=world.new_id(),
        name="Mesrai",
        sha=sha,
        status="completed",
        conclusion="neutral",
        started=world.now(),
        completed=world.now(),
        external_id="mesrai:v1",
        details_url=None,
    )
    world.checks.append(check)
    return check


async def due(place: Place, url: str, told: Sequence[Delivery]) -> tuple[str, Mapping[str, object]]:
    """All that is told is delivered; what is remembered as asked for then, and the payload of the job that is due."""
    async with assembled(place.env) as service, open_database(url) as database:
        webhook = service.doors.github_webhook
        assert webhook is not None
        for each in told:
            raw = json.dumps(each.payload).encode()
            headers = headers_of(each, SECRET, raw, place.github.app.id)
            await webhook({name.lower(): value for name, value in headers.items()}, raw)
        job = await service.desk.queue.claim("w", kinds=(REVIEW,))
        assert job is not None
        return (await find_followed(database, job.subject)).asked, job.payload


def test_a_check_that_is_run_again_is_remembered_whatever_is_pushed_after_it(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    with a_place(tmp_path, url) as place:
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        pull.rerun(our_check(place, pull.head_sha), by="ada")
        pull.push({"cart.py": CLEAN + "\n"})
        asked, payload = asyncio.run(due(place, url, place.github.deliveries[-2:]))
    assert [each.event for each in place.github.deliveries[-2:]] == ["check_run", "pull_request"]
    assert (asked, payload["trigger"]) == ("usual", "pushed")
