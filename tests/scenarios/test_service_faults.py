"""What ends a review half-way, and that the service goes on: whole processes against stand-ins."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from tests.databases import a_database, a_new_file
from tests.github.played import PlayedPull
from tests.sandbox_server import Sandbox
from tests.served import FAULTY, SECRET, Place, a_place, check_of, running, serving, started, until

LEASE = {"MESRAI_LEASE_S": "3"}


def questions(sandbox: Sandbox) -> Counter[str]:
    """How often each question was asked."""
    return Counter(json.dumps(call.body, sort_keys=True) for call in list(sandbox.calls))


def ended(place: Place, pulls: Sequence[PlayedPull]) -> bool:
    return all(check_of(place, pull.head_sha) for pull in pulls)


def test_a_service_that_is_killed_in_a_review_goes_on_with_it(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path), latency_s=0.25) as place:
        place.env.update(LEASE)
        process, address = started(place)
        try:
            place.github.webhooks_to(f"{address}/webhooks/github", SECRET)
            before = len(place.sandbox.calls)
            pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: len(place.sandbox.calls) == before + 2, "one question is answered, one is in flight", place)
        finally:
            process.kill()
            process.wait(10)
        assert not ended(place, [pull])
        with serving(place):
            until(lambda: ended(place, [pull]), "the review has ended", place)
        asked = questions(place.sandbox)
        assert len(pull.review_comments) == len(pull.comments) == 1
        assert sum(asked.values()) - len(asked) <= 1, "no answer is paid for twice but the one in flight"


def test_a_webhook_that_is_signed_wrongly_is_refused_and_does_nothing(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path)) as place, serving(place) as address:
        asked = len(place.github.requests)
        headers = {
            "X-Hub-Signature-256": f"sha256={'0' * 64}",
            "X-GitHub-Event": "pull_request",
            "X-GitHub-Delivery": "d",
        }
        body = json.dumps({"action": "opened", "number": 1}).encode()
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(f"{address}/webhooks/github", body, headers | {"Content-Type": "application/json"}))
        assert refused.value.code == 401
        place.github.webhooks_to(f"{address}/webhooks/github", "not the secret that it knows")
        place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        place.github.settle()
        time.sleep(0.2)
        assert (len(place.github.requests), place.github.deliveries[-1].statuses) == (asked, [401])


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_bad_gateway_in_the_middle_of_posting_loses_nothing_and_doubles_nothing(
    tmp_path: Path, after_effect: bool
) -> None:
    with a_place(tmp_path, a_new_file(tmp_path)) as place, serving(place):
        place.github.fail("POST", "*/reviews", status=502, after_effect=after_effect)
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: ended(place, [pull]), "the review has ended", place)
        assert len(pull.comments) == 1
        assert len(pull.review_comments) == int(after_effect)
        assert "Text from outside is run as code" in pull.comments[0].body


def test_two_workers_share_what_one_door_takes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(a_database("postgresql", tmp_path))
        place = stack.enter_context(a_place(tmp_path, url, latency_s=0.1))
        place.env.update(LEASE)
        stack.enter_context(serving(place, "--no-worker"))
        for _ in range(2):
            stack.enter_context(running(place, "worker", "--jobs", "2"))
        pulls = [
            place.shop.open_pull_request(f"feature-{number}", {"cart.py": f"{FAULTY}\n# {number}\n"}, author="ada")
            for number in range(6)
        ]
        until(lambda: ended(place, pulls), "all reviews have ended", place)
        assert [(len(pull.review_comments), len(pull.comments)) for pull in pulls] == [(1, 1)] * 6
        assert max(questions(place.sandbox).values()) == 1


def test_a_process_that_is_told_to_stop_gives_its_job_back_and_ends_well(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path), latency_s=0.5) as place:
        with serving(place, "--no-worker"):
            process = subprocess.Popen(place.command("worker"), env=place.env, stderr=place.log.open("ab"))
            before = len(place.sandbox.calls)
            pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: len(place.sandbox.calls) > before, "the model is asked", place)
            began = time.monotonic()
            process.terminate()
            assert process.wait(15) == 0, place.log.read_text("utf-8")
            assert time.monotonic() - began < 4
        assert "is given back" in place.log.read_text("utf-8")
        with serving(place):  # at once, though the lease would last a minute
            until(lambda: ended(place, [pull]), "the review has ended", place, most_s=15)
        assert len(pull.review_comments) == len(pull.comments) == 1
