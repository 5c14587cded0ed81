"""Every page of the site in an organisation in full use: light, accessible, on a phone, without scripts, and alone."""

import gzip
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from tests.web import browsing
from tests.web.addresses import ADDRESSES, OTHERS, SHOWN, at
from tests.web.browsing import DESK, PHONE, a_browser, faults_of, overflow_of
from tests.web.markup import Element, active_content, faults_of_shape, read_markup
from tests.web.seeded import RESULT, SHOP, Seeded, a_seeded_site
from tests.web.stand import Person, a_site

from mesrai.domain.roles import Role, may
from mesrai.server.web.frame import templates
from mesrai.server.web.pages.all import PAGES

MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    with a_seeded_site(tmp_path_factory.mktemp("seeded"), env={"MESRAI_PUBLIC_URL": "{site}"}) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture(scope="module")
def windows(browser: Browser, seeded: Seeded) -> Iterator[Mapping[str, Page]]:
    """A large light one, a narrow dark one, and one in which no script runs."""
    with (
        browsing.a_window(browser, seeded.owner, size=DESK) as light,
        browsing.a_window(browser, seeded.owner, size=PHONE, dark=True) as dark,
        browsing.a_window(browser, seeded.owner, scripts=False) as still,
    ):
        yield {"light": light, "dark": dark, "still": still}


def who_at(seeded: Seeded, address: str) -> Person:
    """Who sees that page: the owner, but nobody who is signed in sees the doors."""
    is_door = urlsplit(address).path in ("/sign-in", "/welcome", "/join")
    return seeded.stand.visitor() if is_door else seeded.owner


def main_of(root: Element) -> Element:
    return next(root.all("main"))


def test_every_page_has_an_address_here() -> None:
    paths = {page.path for page in PAGES if "GET" in page.methods}
    assert paths == {*SHOWN, *OTHERS}, "a page that is new needs an address in this file"


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_holds_no_script_of_its_own_and_is_whole(seeded: Seeded, address: str) -> None:
    answer = who_at(seeded, address).get(at(seeded, address))
    if address == "/welcome":
        assert answer.headers["location"] == "/sign-in"
        return
    assert answer.status == {"/reviews/no": 404}.get(address, 400 if re.search("never|yesterday", address) else 200)
    root = read_markup(answer.text)
    assert active_content(root) == []
    assert faults_of_shape(root) == []
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


def test_every_member_gets_pages_that_are_whole(seeded: Seeded) -> None:
    rights = {page.path: page.needs for page in PAGES if "GET" in page.methods}
    for role in (Role.REPOSITORY_ADMIN, Role.MEMBER, Role.BILLING):
        person = seeded.stand.member(role, repositories=(SHOP,) if role is Role.REPOSITORY_ADMIN else ())
        for path, addresses in SHOWN.items():
            right = rights[path]
            for address in addresses if right is not None and may(role, right) else ():
                answer = person.get(at(seeded, address))
                root = read_markup(answer.text)
                assert (role, address, active_content(root), faults_of_shape(root)) == (role, address, [], [])


def test_pages_of_an_organisation_that_has_nothing_yet_are_whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    with a_site(tmp_path_factory.mktemp("empty")) as stand:
        visitor = stand.visitor()
        pages = [visitor.get("/welcome")]
        owner = stand.member(Role.OWNER)
        pages += [
            owner.get(address.replace("{", "").replace("}", "")) for address in ADDRESSES if "rules/try" not in address
        ]
        for answer in pages:
            if answer.status == 200:
                root = read_markup(answer.text)
                assert (main_of(root).words[:60], active_content(root), faults_of_shape(root)) == (
                    main_of(root).words[:60],
                    [],
                    [],
                )
        assert sum(answer.status == 200 for answer in pages) > 25


@pytest.mark.parametrize("address", [each for each in ADDRESSES if each not in ("/sign-in", "/welcome")])
def test_a_page_is_accessible_fits_a_phone_in_the_dark_and_needs_no_scripts(
    seeded: Seeded, windows: Mapping[str, Page], address: str
) -> None:
    asked: list[str] = []
    for name, page in windows.items():
        page.on("request", lambda request: asked.append(request.url))
        page.goto(at(seeded, address))
        if name != "still":
            assert (name, faults_of(page)) == (name, [])
        assert (name, overflow_of(page)) == (name, 0)
    assert words_of(windows["still"]) >= words_of(windows["light"]) - {"Copy"}
    assert [url for url in asked if not url.startswith((seeded.url, "data:"))] == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_weighs_little(seeded: Seeded, address: str) -> None:
    person = who_at(seeded, address)
    page = packed(person, at(seeded, address))
    assets = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', gzip.decompress(page).decode() if page else ""))
    assert len(page) + sum(len(packed(person, asset)) for asset in assets) < MOST_BYTES


def test_downloads_and_pieces_are_what_they_say(seeded: Seeded) -> None:
    kinds = {
        "/usage.csv": "text/csv",
        "/reviews/{review}/live": "text/event-stream",
        "/reviews/{review}/report/{form}": "application/json",
        "/reviews/{review}/calls/{call}/said": "application/json",
        "/rules/file": "text/markdown",
    }
    for path, address in OTHERS.items():
        answer = seeded.owner.get(at(seeded, address))
        if path in kinds:
            assert answer.status == 200, path
            assert answer.headers["content-type"].startswith(kinds[path]), path
            assert answer.headers["cache-control"] == "no-store"
            assert len(answer.text) < MOST_BYTES
        else:
            assert answer.status in (303, 400, 403, 404), path


def test_pieces_that_come_later_hold_no_script_either(seeded: Seeded) -> None:
    told = seeded.owner.get(f"/reviews/{RESULT}/live").text
    pieces = [json.loads(line[6:]) for line in told.splitlines() if line.startswith('data: {"into"')]
    assert [each["into"] for each in pieces] == ["review"]
    assert active_content(read_markup(pieces[0]["html"])) == []
    assert "A discount code can inject SQL" in pieces[0]["html"]


def test_no_template_has_a_script_a_style_or_a_handler_or_passes_anything_unescaped() -> None:
    loader = templates().loader
    assert loader is not None
    for name in loader.list_templates():
        source = loader.get_source(templates(), name)[0]
        assert active_content(read_markup(source)) == [], name
        assert not re.search(r"\|\s*safe\b|autoescape|<script(?![^>]* src=)", source), name


def packed(person: Person, address: str) -> bytes:
    """What comes over the wire for an address; empty if it leads elsewhere."""
    place = urlsplit(person.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    connection.request("GET", address, headers={"accept-encoding": "gzip", "cookie": cookies})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status == 303:
        return b""
    is_packed = response.getheader("content-encoding") == "gzip"
    return body if is_packed else gzip.compress(body)


def words_of(page: Page) -> set[str]:
    """The words of a page's content, without times, which a script puts into the reader's zone."""
    text = page.evaluate(
        """() => {
          const main = document.querySelector('main').cloneNode(true);
          main.querySelectorAll('time, noscript').forEach((each) => each.remove());
          return main.textContent;
        }"""
    )
    return {each for each in str(text).split() if not any(letter.isdigit() for letter in each)}
