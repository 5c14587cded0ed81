"""Sign in at an identity provider: there, and back."""

import hmac
import logging
from typing import Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from mesrai.domain.secret import Secret
from mesrai.errors import AccessDenied, SignInRefused, SignInUnavailable, UserError
from mesrai.flows import identity, sign_in
from mesrai.server.web.oidc import SignInElsewhere, WayBack
from mesrai.server.web.pages.doors import inner
from mesrai.server.web.ticket import LASTS_S
from mesrai.server.web.visit import Visit, with_session

LOG: Final = logging.getLogger("mesrai.server")
_TICKET: Final = "oidc"
_INVITED: Final = "invited"


async def start(visit: Visit) -> Response:
    """GET /sign-in/oidc: to the provider. A link and no form, since a form may be sent to this site only."""
    elsewhere = _elsewhere(visit)
    to = inner(visit.query("to", "/"))
    if visit.session is not None:
        return visit.go(to)
    ticket = elsewhere.tickets.new(to)
    try:
        address = await elsewhere.provider.address(ticket)
    except SignInUnavailable as error:
        return _told(visit, error, to)
    return _keep(RedirectResponse(address, 303), visit, _TICKET, elsewhere.tickets.seal(ticket))


async def back(visit: Visit) -> Response:
    """GET /sign-in/oidc/back: from the provider, with a code."""
    elsewhere = _elsewhere(visit)
    to = "/"
    try:
        ticket = elsewhere.tickets.ticket(_kept(visit, _TICKET))
        to = ticket.to
        way = WayBack(
            state=visit.query("state"), code=visit.query("code"), error=visit.query("error"), issuer=visit.query("iss")
        )
        if not hmac.compare_digest(way.state.encode("utf-8", "surrogatepass"), ticket.state.encode()):
            raise SignInRefused("This is the answer to another try to sign in. Begin again.")
        who = await elsewhere.provider.identity(way, ticket)
        sealed = _kept(visit, _INVITED)
        invitation = elsewhere.tickets.invitation(sealed) if sealed else ""
        word = await identity.come_in(visit.house.doors, elsewhere.trust, who, visit.client, invitation=invitation)
    except SignInUnavailable as error:
        return _forget(_told(visit, error, to), visit, _TICKET)
    except SignInRefused as error:
        response = _told(visit, error, to)
    else:
        response = with_session(visit.go(to), visit.house, word.open())
    return _forget(_forget(response, visit, _TICKET), visit, _INVITED)


async def join(visit: Visit) -> Response:
    """POST /join/oidc: the code of an invitation, before its person goes to the provider."""
    elsewhere = _elsewhere(visit)
    try:
        invitation = await sign_in.find_invited(visit.house.doors, Secret(visit.form.text("code")), visit.client)
        if not invitation.email:
            raise SignInRefused("That is the set-up code, not an invitation.")
    except UserError as error:
        return visit.page(
            "welcome.html",
            status=400,
            is_setup=False,
            code=visit.form.text("code"),
            email="",
            name="",
            error=error.message,
        )
    response = visit.page("join_elsewhere.html", email=invitation.email, name=elsewhere.name)
    return _keep(response, visit, _INVITED, elsewhere.tickets.seal(elsewhere.tickets.invited(invitation.id)))


def _elsewhere(visit: Visit) -> SignInElsewhere:
    if visit.house.elsewhere is None:
        raise AccessDenied("People sign in with a password here: no identity provider is set.")
    return visit.house.elsewhere


def _told(visit: Visit, error: SignInRefused | SignInUnavailable, to: str) -> Response:
    """To the sign-in page, which says what went wrong; an operator may want to know it too."""
    level = logging.INFO if isinstance(error, SignInRefused) else logging.WARNING
    LOG.log(level, "Signing in at the identity provider: %s", error.message)
    return visit.go(f"/sign-in?to={quote(to, safe='')}", error.message, kind="bad")


def _cookie(visit: Visit, what: str) -> str:
    return f"__Host-mesrai-{what}" if visit.house.is_secure else f"mesrai_{what}"


def _kept(visit: Visit, what: str) -> str:
    return visit.request.cookies.get(_cookie(visit, what), "")


def _keep(response: Response, visit: Visit, what: str, sealed: str) -> Response:
    """Lax: the way back begins at another site, and this must come with it."""
    response.set_cookie(
        _cookie(visit, what),
        sealed,
        max_age=int(LASTS_S),
        httponly=True,
        samesite="lax",
        secure=visit.house.is_secure,
        path="/",
    )
    return response


def _forget(response: Response, visit: Visit, what: str) -> Response:
    response.delete_cookie(_cookie(visit, what), path="/", httponly=True, samesite="lax", secure=visit.house.is_secure)
    return response
