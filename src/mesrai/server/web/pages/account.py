"""One's own account: name, password, sessions, tokens."""

from typing import Final

from starlette.responses import Response

from mesrai.domain.roles import Right, may
from mesrai.domain.secret import Secret
from mesrai.errors import UserError
from mesrai.flows import people, sign_in
from mesrai.server.web.pages.people import ROLES, desk_of
from mesrai.server.web.visit import Visit
from mesrai.store.accounts import find_account
from mesrai.store.sessions import end_session, end_sessions_of, sessions_of
from mesrai.store.tokens import tokens_of

_HERE: Final = "/account"
_DAY_S: Final = 86_400.0
_DAYS: Final = ((7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year"))
_TOLD: Final = {
    Right.SEE_REVIEWS: "see reviews",
    Right.SEE_PROMPTS: "see what models were asked",
    Right.RUN_REVIEWS: "start and stop reviews",
    Right.ASK_MODEL: "ask the connected model, for reviews in terminals and pipelines",
    Right.SEE_CONNECTIONS: "see connections",
    Right.EDIT_CONNECTIONS: "change connections and their keys",
    Right.SEE_USAGE: "see usage",
    Right.EDIT_BUDGETS: "set budgets",
    Right.SEE_CONFIGURATION: "see configuration, rules and memories",
    Right.EDIT_CONFIGURATION: "change configuration, rules and memories",
    Right.EDIT_OWN_REPOSITORIES: "change those of own repositories",
    Right.CONNECT_FORGE: "connect a code host",
    Right.SEE_QUEUE: "see the queue",
    Right.EDIT_QUEUE: "retry and cancel jobs",
    Right.SEE_PEOPLE: "see members",
    Right.EDIT_PEOPLE: "invite, change and remove members",
    Right.SEE_AUDIT: "see the audit trail",
}


async def show(visit: Visit) -> Response:
    """GET /account."""
    return await _page(visit)


async def rename(visit: Visit) -> Response:
    """POST /account/name."""
    try:
        await people.rename(desk_of(visit), visit.form.text("name"))
    except UserError as error:
        return await _page(visit, error=error.message)
    return visit.go(_HERE, "Your name was changed.")


async def change_password(visit: Visit) -> Response:
    """POST /account/password."""
    form, session = visit.form, visit.session
    try:
        await sign_in.change_password(
            visit.house.doors,
            visit.member.email,
            old=Secret.exactly(form.exact("old")),
            new=Secret.exactly(form.exact("new")),
            keep=session.id if session else "",
        )
    except UserError as error:
        return await _page(visit, error=error.message)
    return visit.go(_HERE, "Your password was changed, and you were signed out everywhere else.")


async def end_sessions(visit: Visit) -> Response:
    """POST /account/sessions/end: one of them, or all but this one."""
    database, account = visit.house.database, visit.member.account
    chosen = visit.form.text("session")
    if chosen:
        own = {each.id for each in await sessions_of(database, account)}
        if chosen in own:
            await end_session(database, chosen)
    else:
        await end_sessions_of(database, account, keep=visit.session.id if visit.session else "")
    return visit.go(_HERE, "Signed out there.")


async def make_token(visit: Visit) -> Response:
    """POST /account/tokens: the token is shown on this answer and never again."""
    form = visit.form
    rights = [Right(each) for each in form.all("right") if each in set(Right)]
    try:
        days = form.number("days", "Days") or 0
        token = await people.make_token(desk_of(visit), form.text("token_name"), rights, days * _DAY_S)
    except UserError as error:
        return await _page(visit, error=error.message, token_name=form.text("token_name"))
    return await _page(visit, token=token.open())


async def end_token(visit: Visit) -> Response:
    """POST /account/tokens/end."""
    number = visit.form.number("token", "The token")
    await people.end_token(desk_of(visit), number or 0)
    return visit.go(_HERE, "The token counts no more.")


async def _page(visit: Visit, *, error: str = "", token: str = "", token_name: str = "") -> Response:
    house, member = visit.house, visit.member
    account = await find_account(house.database, member.email)
    return visit.page(
        "account.html",
        status=400 if error else 200,
        has_password=account is not None and bool(account.password),
        role=ROLES[member.role][0],
        sessions=await sessions_of(house.database, member.account),
        tokens=await tokens_of(house.database, house.organisation, member.account),
        rights=[(str(right), told) for right, told in _TOLD.items() if may(member.role, right)],
        told_rights={str(right): told for right, told in _TOLD.items()},
        days=[(str(days), name) for days, name in _DAYS],
        error=error,
        token=token,
        token_name=token_name,
    )
