"""Every address of the site as every role: whoever may come in does, and nobody else."""

import re
from collections.abc import Iterator

import pytest
from tests.rights_page import PAGE, rights_page
from tests.web.stand import Answer, Person, Stand, a_site

from mesrai.domain.roles import RIGHTS, Right, Role, may
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Page

REFUSED = "Your role does not allow that."


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with a_site(tmp_path_factory.mktemp("rights")) as made:
        yield made


def address_of(page: Page) -> str:
    return re.sub(r"\{[^}]+\}", "1", page.path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.methods[0]} {page.path}")
def test_an_address_lets_in_whoever_has_its_right_and_nobody_else(stand: Stand, page: Page) -> None:
    address, method = address_of(page), page.methods[0]

    def asked(person: Person) -> Answer:
        return person.post(address, seen="/account") if method == "POST" else person.get(address)

    if page.needs is None:
        return
    visitor = asked(stand.visitor())
    assert visitor.status == 403 or visitor.headers["location"].startswith("/sign-in"), "nobody comes in unseen"
    for role in Role:
        answer = asked(stand.member(role))
        is_refused = answer.status == 403 and REFUSED in answer.text
        assert is_refused is not may(role, page.needs), f"{role} at {method} {page.path}"


def test_every_page_that_is_open_to_all_is_named_here() -> None:
    open_to_all = {
        "/",
        "/sign-in",
        "/sign-in/oidc",
        "/sign-in/oidc/back",
        "/sign-out",
        "/welcome",
        "/join",
        "/join/oidc",
    }
    assert {page.path for page in PAGES if page.needs is None} == open_to_all


def test_the_page_in_docs_is_made_of_the_tables() -> None:
    assert PAGE.read_text("utf-8") == rights_page(), "run: python -m tests.rights_page"


def test_every_right_is_given_to_somebody_and_the_owner_has_them_all() -> None:
    assert set(RIGHTS) == set(Right)
    assert all(Role.OWNER in roles for roles in RIGHTS.values())


def test_an_error_of_a_fault_in_the_form_says_so_and_is_no_500(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    for page in PAGES:
        if page.methods == ("POST",) and page.needs is not None:
            answer = owner.post(address_of(page), seen="/account")
            assert answer.status < 500, f"{page.path}: {answer.text[:300]}"
