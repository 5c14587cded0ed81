"""Every address of the site as every role: whoever may come in does, and nobody else."""

import re
from collections.abc import Iterator

import pytest
from tests.web.stand import Stand, a_site

from mesrai.domain.roles import RIGHTS, Right, Role, may
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Page

REFUSED = (403,)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with a_site(tmp_path_factory.mktemp("rights")) as made:
        yield made


def address_of(page: Page) -> str:
    return re.sub(r"\{[^}]+\}", "1", page.path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.methods[0]} {page.path}")
def test_an_address_lets_in_whoever_has_its_right_and_nobody_else(stand: Stand, page: Page) -> None:
    address, method = address_of(page), page.methods[0]

    def status(person_role: Role | None) -> int:
        person = stand.member(person_role) if person_role else stand.visitor()
        return (person.post(address, seen="/account") if method == "POST" else person.get(address)).status

    if page.needs is None:
        return
    assert status(None) in (303, 403), "nobody comes in without signing in"
    for role in Role:
        is_refused = status(role) in REFUSED
        assert is_refused is not may(role, page.needs), f"{role} at {method} {page.path}"


def test_every_page_that_is_open_to_all_is_named_here() -> None:
    assert {page.path for page in PAGES if page.needs is None} == {"/", "/sign-in", "/sign-out", "/welcome", "/join"}


def test_every_right_is_given_to_somebody_and_the_owner_has_them_all() -> None:
    assert set(RIGHTS) == set(Right)
    assert all(Role.OWNER in roles for roles in RIGHTS.values())


def test_an_error_of_a_fault_in_the_form_says_so_and_is_no_500(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    for page in PAGES:
        if page.methods == ("POST",) and page.needs is not None:
            answer = owner.post(address_of(page), seen="/account")
            assert answer.status < 500, f"{page.path}: {answer.text[:300]}"
