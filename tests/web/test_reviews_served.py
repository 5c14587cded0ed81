"""A review from the webhook to its page: the whole service as a process, GitHub and the model as stand-ins."""

import asyncio
import re
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect
from tests.databases import a_new_file
from tests.served import FAULTY, a_place, check_of, said, serving, until
from tests.web.browsing import a_browser, a_window, faults_of
from tests.web.stand import Person

from mesrai.domain.roles import Role
from mesrai.store.accounts import add_account, put_member
from mesrai.store.opening import open_database
from mesrai.store.sessions import begin_session


def signed_in(url: str, address: str, role: Role) -> Person:
    """A member of the service's organisation."""

    async def sign_in() -> str:
        async with open_database(url) as database, database.transaction() as statements:
            account = await add_account(database, statements, email=f"{role}@example.com", name="Ada")
            assert account is not None
            await put_member(database, statements, organisation="default", account=account, role=role, repositories=())
            word = await begin_session(database, statements, organisation="default", account=account, client="test")
            return word.open()

    return Person(address, {"mesrai_session": asyncio.run(sign_in())})


def test_a_pull_request_is_reviewed_and_its_page_tells_all_of_it(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    with a_place(tmp_path, url) as place, serving(place) as address:
        owner = signed_in(url, address, Role.OWNER)
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        with a_browser() as browser, a_window(browser, owner) as page:
            page.goto("/reviews")
            page.locator(".reviews .what").click()
            expect(page.get_by_role("heading", name="Text from outside is run as code")).to_be_visible()
            expect(page.locator(".line.here")).to_contain_text("eval(items)")
            expect(page.get_by_text("kimi-k2.6").first).to_be_visible()
            expect(page.get_by_text(re.compile(r"Pull request \d+"))).to_have_attribute(
                "href", f"{place.github.url}/acme/shop/pull/{pull.number}"
            )
            page.get_by_role("link", name="What models were asked").click()
            page.get_by_role("link", name="Reading 1").click()
            expect(page.get_by_role("heading", name="Answer")).to_be_visible()
            assert faults_of(page) == []


def test_a_review_is_stopped_while_the_model_thinks(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    with a_place(tmp_path, url, hold_s=60.0) as place, serving(place) as address:
        place.sandbox.stage.script(["no_answer"] * 4)
        owner = signed_in(url, address, Role.OWNER)
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: "/reviews/job-" in owner.get("/reviews").text, "the review has begun", place)
        with a_browser() as browser, a_window(browser, owner) as page:
            page.goto("/reviews")
            page.locator(".reviews .what").click()
            expect(page.get_by_text("1 question in flight")).to_be_visible()
            page.get_by_role("button", name="Stop").click()
            expect(page.get_by_text("Stopped by Ada.")).to_be_visible()
        assert until(lambda: check_of(place, pull.head_sha), "the check has ended", place) == "neutral"
        assert "Ada stopped the review" in said(pull)


def test_whoever_watches_a_review_does_not_hold_up_the_end_of_the_service(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    with a_place(tmp_path, url, hold_s=60.0) as place:
        with serving(place) as address:
            owner = signed_in(url, address, Role.OWNER)
            place.sandbox.stage.script(["no_answer"] * 4)
            place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: "/reviews/job-1" in owner.get("/reviews").text, "the review has begun", place)
            watching = HTTPConnection(urlsplit(address).netloc, timeout=10)
            cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
            watching.request("GET", "/reviews/job-1/live", headers={"cookie": cookies})
            answer = watching.getresponse()
            assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream; charset=utf-8")
            assert answer.readline().startswith(b"data: ")
            began = time.monotonic()
        assert time.monotonic() - began < 4, "its requests would be broken off after 5 s"
        rest = answer.read()
        assert b"event: end" not in rest, "the browser is to come again"
        assert "Traceback" not in place.log.read_text()
