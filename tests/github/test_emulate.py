"""The product's app tokens and its reading of webhooks against a GitHub emulator that others wrote."""

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.github.emulated import INSTALLATION, SECRET, Emulated, running_emulate, why_not
from tests.github.receiving import receiver, wait_for
from tests.github.world import APP_PERMISSIONS, key_pair

from mesrai.domain.pull_request import Event, Person, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, WebhookRejected
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Transport, open_session
from mesrai.forges.github.wire import read_event

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SHOP = RepositoryName(forge="github.com", owner="acme", name="shop")


def opened_issue(emulated: Emulated) -> int:
    """An issue that ada opens; its number. Comments on it are told as comments on a pull request are."""
    headers = {"Authorization": f"Bearer {emulated.person_token}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{emulated.url}/repos/acme/shop/issues", json.dumps({"title": "Talk"}).encode(), headers
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return int(json.load(response)["number"])


def read(got: tuple[dict[str, str], bytes], secret: str, me: Person | None = None) -> Event | None:
    return read_event(got[0], got[1], secret=Secret(secret), me=me)


def test_app_of_ours_is_let_in_speaks_and_knows_its_own_signed_events(tmp_path: Path) -> None:
    private_key, _ = key_pair()
    with (
        receiver() as (url, got),
        running_emulate(tmp_path, private_key=private_key, webhook=url, permissions=APP_PERMISSIONS) as emulated,
    ):
        number = opened_issue(emulated)

        async def speak() -> Any:
            async with open_session(place_at(emulated.url), version="1") as session:
                app = App(session, app_id="7001", private_key=Secret(private_key))
                installation = await app.installation_of(SHOP)
                forge = GitHub(Transport(session, app.credentials(installation, SHOP)), SHOP)
                comment = await forge.post_comment(number, "Hello.")
                return installation, await app.me(), comment, [each.body for each in await forge.comments(number)]

        installation, me, comment, bodies = asyncio.run(speak())
        wait_for(lambda: any(each["x-github-event"] == "issue_comment" for each, _ in got))

    told = next(each for each in got if each[0]["x-github-event"] == "issue_comment")
    assert (installation, me.login, bodies) == (INSTALLATION, "mesrai[bot]", [json.loads(told[1])["comment"]["body"]])
    assert json.loads(told[1])["comment"]["id"] == comment
    assert bodies[0].startswith("Hello.")
    assert read(told, SECRET, me) is None
    with pytest.raises(WebhookRejected):
        read(told, "another secret", me)
    with pytest.raises(WebhookRejected):
        read((told[0], told[1] + b" "), SECRET, me)


def test_app_that_signs_with_another_key_gets_no_token(tmp_path: Path) -> None:
    private_key, _ = key_pair()
    strange = key_pair.__wrapped__()[0]
    with running_emulate(
        tmp_path, private_key=private_key, webhook="http://127.0.0.1:9/", permissions=APP_PERMISSIONS
    ) as emulated:

        async def ask() -> None:
            async with open_session(place_at(emulated.url), version="1") as session:
                app = App(session, app_id="7001", private_key=Secret(strange))
                await app.minted(INSTALLATION, SHOP)

        with pytest.raises(ForgeAuth):
            asyncio.run(ask())
