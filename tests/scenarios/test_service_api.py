"""The service as a program sees it: a review asked for over the interface, watched, and told of by a webhook."""

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.stand import Program
from tests.api.test_webhooks import a_listener
from tests.databases import ENGINES, a_database
from tests.served import FAULTY, Place, a_place, serving, until
from tests.web.stand import Person

from mesrai.domain.roles import RIGHTS, Right, Role
from mesrai.store.accounts import add_account, put_member
from mesrai.store.opening import open_database
from mesrai.store.tokens import add_token


@pytest.mark.parametrize("engine", ENGINES)
def test_a_review_is_asked_for_watched_and_told_of(tmp_path: Path, engine: str) -> None:
    with a_database(engine, tmp_path) as url, a_place(tmp_path, url) as place, a_listener() as listener:
        place.env["MESRAI_ALLOWED_HOSTS"] = f"127.0.0.1:{listener.port}"
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        with serving(place) as address:
            program = Program(Person(address), {"authorization": f"Bearer {asyncio.run(a_token(url))}"})
            wanted = ["review.finished", "finding.posted"]
            secret = program.post("/webhooks", {"url": listener.url, "events": wanted}).json["secret"]
            assert program.post("/repositories/look").json["found"] >= 1
            name = program.get("/repositories").json["items"][0]["name"]
            assert name.endswith("/acme/shop")
            asked = program.post("/reviews", {"repository": name, "number": pull.number}).json["id"]
            review = reviewed(program, asked, place)
            assert program.get(f"/reviews/{asked}/events").text.rstrip().endswith('data: {"state":"reviewed"}')
            (finding,) = program.get(f"/reviews/{asked}/findings").json["items"]
            said = program.put(f"/reviews/{asked}/findings/{finding['fingerprint']}/feedback", {"verdict": "useful"})
            assert said.status == 200
            until(lambda: len(listener.came) == 2, "others are told", place)
            assert program.get("/usage").json["total"]["reviews"] == 1
    for headers, body in listener.came:
        text = f"{headers['x-mesrai-timestamp']}.".encode() + body
        seal = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
        assert headers["x-mesrai-signature"] == f"sha256={seal}"
    told = {headers["x-mesrai-event"]: json.loads(body)["data"] for headers, body in listener.came}
    assert told["review.finished"]["findings"] == review["findings"]
    assert told["finding.posted"]["finding"]["fingerprint"] == finding["fingerprint"]


def reviewed(program: Program, name: str, place: Place) -> Any:
    """The review, once it is over."""

    def over() -> Any:
        found = program.get(f"/reviews/{name}").json
        return found if found["state"] not in ("waiting", "running") else None

    found = until(over, "the review is over", place)
    assert found["state"] == "reviewed", found
    return found


async def a_token(url: str) -> str:
    """A token of an owner, with all rights."""
    async with open_database(url) as database, database.transaction() as statements:
        account = await add_account(database, statements, email="ada@example.com", name="Ada")
        assert account is not None
        await put_member(database, statements, organisation="default", account=account, role=Role.OWNER)
        rights = [right for right in Right if Role.OWNER in RIGHTS[right]]
        word = await add_token(
            database, statements, organisation="default", account=account, name="ci", rights=rights, lasts_s=3_600.0
        )
    return word.open()
