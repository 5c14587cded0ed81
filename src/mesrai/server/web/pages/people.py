"""Members, their roles, and invitations."""

from typing import Final

from starlette.responses import Response

from mesrai.domain.roles import Right, Role, may_make
from mesrai.errors import UserError
from mesrai.flows import people
from mesrai.server.web.visit import Visit
from mesrai.store.accounts import members
from mesrai.store.invitations import open_invitations

ROLES: Final = {
    Role.OWNER: ("Owner", "everything, and makes other owners"),
    Role.ADMIN: ("Admin", "everything but making owners"),
    Role.REPOSITORY_ADMIN: ("Repository admin", "configuration, rules and memories of the repositories named here"),
    Role.MEMBER: ("Member", "sees reviews and starts them"),
    Role.BILLING: ("Billing", "sees usage and sets budgets"),
}


async def show(visit: Visit) -> Response:
    """GET /people."""
    return await _page(visit)


async def invite(visit: Visit) -> Response:
    """POST /people/invite: the code is shown on this answer and never again."""
    form = visit.form
    try:
        code = await people.invite(desk_of(visit), form.text("email"), _role(visit), _repositories(visit))
    except UserError as error:
        return await _page(visit, error=error.message)
    return await _page(visit, invited=form.text("email"), code=code.open())


async def take_back(visit: Visit) -> Response:
    """POST /people/invitations/take-back."""
    await people.take_back(desk_of(visit), visit.form.text("invitation"), visit.form.text("email"))
    return visit.go("/people", "The invitation was taken back.")


async def change(visit: Visit) -> Response:
    """POST /people/{account}/role."""
    try:
        member = await people.change_role(desk_of(visit), _account(visit), _role(visit), _repositories(visit))
    except UserError as error:
        return visit.go("/people", error.message, kind="bad")
    return visit.go("/people", f"{member.name} has another role now.")


async def remove(visit: Visit) -> Response:
    """POST /people/{account}/remove."""
    try:
        member = await people.remove(desk_of(visit), _account(visit))
    except UserError as error:
        return visit.go("/people", error.message, kind="bad")
    return visit.go("/people", f"{member.name} is no member any more, and was signed out everywhere.")


def desk_of(visit: Visit) -> people.Desk:
    """What the stories about people need."""
    return people.Desk(database=visit.house.database, organisation=visit.house.organisation, by=visit.member)


async def _page(visit: Visit, *, error: str = "", invited: str = "", code: str = "") -> Response:
    house = visit.house
    may_edit = visit.may(Right.EDIT_PEOPLE)
    return visit.page(
        "people.html",
        status=400 if error else 200,
        members=await members(house.database, house.organisation),
        invitations=await open_invitations(house.database, house.organisation) if may_edit else (),
        roles=ROLES,
        choices=[(str(role), name) for role, (name, _) in ROLES.items() if may_make(visit.member.role, role)],
        may_edit=may_edit,
        may_make=lambda role: may_make(visit.member.role, role),
        error=error,
        invited=invited,
        code=code,
    )


def _account(visit: Visit) -> int:
    text = visit.path("account")
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise UserError("There is no such member.")
    return int(text)


def _role(visit: Visit) -> Role:
    text = visit.form.text("role")
    if text not in set(Role):
        raise UserError("Choose a role.")
    return Role(text)


def _repositories(visit: Visit) -> tuple[str, ...]:
    """Names with blanks, commas or lines between them."""
    return tuple(dict.fromkeys(visit.form.text("repositories").replace(",", " ").split()))[:200]
