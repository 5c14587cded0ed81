"""The code host: connect it, choose its repositories, and have a pull request reviewed now."""

import json
from typing import Final

from starlette.responses import Response

from mesrai.domain.command import Scope
from mesrai.domain.roles import Right
from mesrai.domain.secret import Secret
from mesrai.errors import AccessDenied, ForgeError, SettingsError, UserError
from mesrai.flows import connect_forge
from mesrai.server.web.site import HEADERS
from mesrai.server.web.visit import Visit, asked_with, is_from_us
from mesrai.store.forge_access import ForgeAccess, find_access
from mesrai.store.repositories import repositories

HERE: Final = "/organization/github"
_REPOSITORIES: Final = "/repositories"
_PERMISSIONS: Final = {
    "metadata": "read",
    "contents": "read",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
}
_EVENTS: Final = ("pull_request", "issue_comment", "pull_request_review_comment", "check_run")


async def show(visit: Visit) -> Response:
    """GET /organization/github."""
    return await _page(visit)


async def connect(visit: Visit) -> Response:
    """POST /organization/github: an App that is there already, or a token. Secrets are never shown again."""
    form, house = visit.form, visit.house
    is_app = form.text("kind") == "app"
    access = ForgeAccess(
        host=house.forge.host,
        app_id=form.text("app_id") if is_app else "",
        key=Secret(form.text("private_key") if is_app else form.text("token")),
        webhook_secret=Secret(form.text("webhook_secret")),
    )
    if is_app and not access.app_id:
        return await _page(visit, error="The App's id is missing.")
    return await _connected(visit, access)


async def created(visit: Visit) -> Response:
    """GET /organization/github/created: where GitHub sends the person who made an App of our manifest."""
    if not is_from_us(visit.word, visit.query("state")):
        raise AccessDenied("This does not belong to an App that was begun here. Begin again.")
    try:
        access = await visit.house.new_app(visit.query("code"))
    except ForgeError as error:
        return await _page(visit, error=f"GitHub did not hand the App over: {error.message}")
    return await _connected(visit, access)


async def disconnect(visit: Visit) -> Response:
    """POST /organization/github/disconnect."""
    await connect_forge.disconnect(_desk(visit))
    return visit.go(HERE, "GitHub is disconnected; its credentials are forgotten.")


async def show_repositories(visit: Visit) -> Response:
    """GET /repositories."""
    house = visit.house
    return visit.page(
        "repositories.html",
        repositories=await repositories(house.database, house.organisation),
        is_connected=house.forge.is_set_outside or await find_access(house.database, house.organisation) is not None,
        may_connect=visit.may(Right.CONNECT_FORGE),
        may_switch=visit.may(Right.EDIT_CONFIGURATION),
        may_run=visit.may(Right.RUN_REVIEWS),
    )


async def look(visit: Visit) -> Response:
    """POST /repositories/look."""
    try:
        count = await connect_forge.look_for_repositories(_desk(visit))
    except (UserError, ForgeError) as error:
        return visit.go(_REPOSITORIES, error.message, kind="bad")
    return visit.go(_REPOSITORIES, f"{count} {'repository is' if count == 1 else 'repositories are'} reached.")


async def switch(visit: Visit) -> Response:
    """POST /repositories/switch."""
    name, is_reviewed = visit.form.text("name"), visit.form.text("reviewed") == "1"
    await connect_forge.switch(_desk(visit), name, is_reviewed=is_reviewed)
    return visit.go(_REPOSITORIES, f"{name} is {'reviewed' if is_reviewed else 'not reviewed any more'}.")


async def show_pulls(visit: Visit) -> Response:
    """GET /repositories/pulls?name=…: the open pull requests, to choose one that is reviewed now."""
    name = visit.query("name")
    try:
        found = await connect_forge.open_pull_requests(_desk(visit), name)
    except (UserError, ForgeError) as error:
        return visit.go(_REPOSITORIES, error.message, kind="bad")
    return visit.page(
        "pulls.html",
        name=name,
        pulls=found,
        scopes=[("", "as usual"), ("--full", "all of it"), ("--fast", "fast"), ("--deep", "deep")],
    )


async def review(visit: Visit) -> Response:
    """POST /repositories/review."""
    form = visit.form
    scope = form.text("scope")
    if scope not in set(Scope):
        raise UserError("There is no such way to review.")
    number = form.number("number", "The pull request")
    if not number:
        raise UserError("Which pull request is meant?")
    asked = await connect_forge.review_now(_desk(visit), form.text("name"), number, Scope(scope))
    subject = asked.subject
    where = "/reviews?" + asked_with({"subject": subject})
    return visit.go(where, f"A review of {subject} is asked for; it begins as soon as a worker is free.")


def _desk(visit: Visit) -> connect_forge.Desk:
    return visit.house.connecting(visit.member.email)


async def _connected(visit: Visit, access: ForgeAccess) -> Response:
    try:
        login = await connect_forge.connect(_desk(visit), access)
    except (UserError, ForgeError, SettingsError) as error:
        return await _page(visit, error=error.message)
    if access.app_id and not await repositories(visit.house.database, visit.house.organisation):
        return visit.go(HERE, f"The App {login} is connected. Install it on your repositories now.")
    return visit.go(_REPOSITORIES, f"Connected to {access.host} as {login}. Choose what is reviewed.")


async def _page(visit: Visit, *, error: str = "") -> Response:
    house = visit.house
    stored = await find_access(house.database, house.organisation)
    may_connect = visit.may(Right.CONNECT_FORGE)
    response = visit.page(
        "forge.html",
        status=400 if error else 200,
        forge=house.forge,
        stored=stored,
        slug=stored.login.removesuffix("[bot]") if stored is not None and stored.app_id else "",
        webhook_url=f"{house.public_url or 'https://your-host'}/webhooks/github",
        manifest=_manifest(house.public_url) if may_connect and house.public_url else "",
        state=visit.csrf,
        may_connect=may_connect,
        error=error,
    )
    if may_connect and house.public_url:  # the form with the manifest goes to GitHub
        policy = HEADERS["content-security-policy"].replace(
            "form-action 'self'", f"form-action 'self' {house.forge.web}"
        )
        response.headers["content-security-policy"] = policy
    return response


def _manifest(public_url: str) -> str:
    """What GitHub makes the App of: https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest."""
    return json.dumps(
        {
            "name": "Mesrai",
            "url": public_url,
            "hook_attributes": {"url": f"{public_url}/webhooks/github", "active": True},
            "redirect_url": f"{public_url}{HERE}/created",
            "public": False,
            "default_permissions": _PERMISSIONS,
            "default_events": _EVENTS,
        }
    )
