"""Coming in and going out: sign in, the first owner, invitations."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.responses import Response

from mesrai.domain.secret import Secret
from mesrai.errors import SignInRefused, UserError
from mesrai.flows import sign_in
from mesrai.server.web.visit import Visit, with_session


async def home(visit: Visit) -> Response:
    """GET /: the page that a person begins at."""
    if visit.session is not None:
        return visit.go("/start")
    if await sign_in.needs_owner(visit.house.doors):
        return visit.go("/welcome")
    return visit.go("/sign-in")


async def show_sign_in(visit: Visit) -> Response:
    """GET /sign-in."""
    if visit.session is not None:
        return visit.go(inner(visit.query("to")))
    if await sign_in.needs_owner(visit.house.doors):
        return visit.go("/welcome")
    return visit.page("sign_in.html", to=visit.query("to", "/"), email="", error="")


async def do_sign_in(visit: Visit) -> Response:
    """POST /sign-in."""
    form = visit.form
    email = form.text("email")
    try:
        word = await sign_in.sign_in(visit.house.doors, email, Secret.exactly(form.exact("password")), visit.client)
    except SignInRefused as refused:
        status = 429 if refused.wait_s else 403
        return visit.page("sign_in.html", status=status, to=form.text("to"), email=email, error=refused.message)
    return with_session(visit.go(inner(form.text("to"))), visit.house, word.open())


async def do_sign_out(visit: Visit) -> Response:
    """POST /sign-out."""
    if visit.session is not None:
        await sign_in.sign_out(visit.house.doors, visit.session.id)
    return with_session(visit.go("/sign-in", "You are signed out."), visit.house, "")


async def show_welcome(visit: Visit) -> Response:
    """GET /welcome: the form that makes the first owner."""
    if not await sign_in.needs_owner(visit.house.doors):
        return visit.go("/sign-in")
    return visit.page("welcome.html", is_setup=True, code="", email="", name="", error="")


async def do_welcome(visit: Visit) -> Response:
    """POST /welcome."""
    return await _joined(visit, sign_in.create_owner, is_setup=True)


async def show_join(visit: Visit) -> Response:
    """GET /join: the form for whoever was invited. The code is typed or pasted: addresses end up in logs."""
    return visit.page("welcome.html", is_setup=False, code="", email="", name="", error="")


async def do_join(visit: Visit) -> Response:
    """POST /join."""
    return await _joined(visit, sign_in.accept_invitation, is_setup=False)


def inner(address: str) -> str:
    """An address of this site, or the first page in place of anything else."""
    parts = urlsplit(address)
    is_inner = (
        address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    )
    return address if is_inner and not any(ord(each) < 0x20 or each == "\\" for each in address) else "/"


Story = Callable[[sign_in.Desk, Secret, sign_in.Newcomer, sign_in.Client], Awaitable[Secret]]


async def _joined(visit: Visit, story: Story, *, is_setup: bool) -> Response:
    form = visit.form
    who = sign_in.Newcomer(
        email=form.text("email"), name=form.text("name"), password=Secret.exactly(form.exact("password"))
    )
    try:
        word = await story(visit.house.doors, Secret(form.text("code")), who, visit.client)
    except UserError as error:
        return visit.page(
            "welcome.html",
            status=400,
            is_setup=is_setup,
            code=form.text("code"),
            email=who.email,
            name=who.name,
            error=error.message,
        )
    return with_session(visit.go("/start"), visit.house, word.open())
