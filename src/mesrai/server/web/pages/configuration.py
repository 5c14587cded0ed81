"""What reviews keep to: every key, for the organisation, a repository or a folder; as fields, or as text."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from starlette.responses import Response

from mesrai.domain.change import Change, Revision
from mesrai.domain.policy import Messages, Policy
from mesrai.domain.saved_policy import Place, checked, seal_of, told_wrong
from mesrai.domain.unified_diff import read_diff
from mesrai.errors import AccessDenied, PolicyError, UserError
from mesrai.flows import configuring
from mesrai.flows.configuring import View
from mesrai.flows.publishing.messages import message_text, placeholders
from mesrai.server.web.forms import Form
from mesrai.server.web.pages import config_form
from mesrai.server.web.pages.config_place import (
    address,
    choices,
    desk_of,
    file_url,
    may_edit,
    name_of,
    place_asked,
    place_filled_in,
)
from mesrai.server.web.visit import Patch, Visit

HERE: Final = "/configuration"
TEXT: Final = "/configuration/text"
_SAMPLE_DIFF: Final = b"""\
diff --git a/cart/total.py b/cart/total.py
--- a/cart/total.py
+++ b/cart/total.py
@@ -1,3 +1,4 @@
 def total(items):
-    return sum(items)
+    if not items:
+        return 0
     # in cents
diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -1 +1,2 @@
 # Shop
+Prices are in cents.
"""


async def show(visit: Visit) -> Response:
    """GET /configuration?repository=…&folder=…"""
    place = await place_asked(visit)
    view = await configuring.look_at(desk_of(visit), place)
    if place.folder and place.folder not in view.folders:
        return visit.go(address(HERE, Place(repository=place.repository)))
    return await _page(visit, view)


async def save(visit: Visit) -> Response:
    """POST /configuration: the fields. What is wrong is told beside its field, and nothing is saved then."""
    place = await place_filled_in(visit)
    desk = desk_of(visit)
    desk.refuse_if_central()
    view = await configuring.look_at(desk, place)
    wanted = config_form.wanted(visit.form, view)
    if wanted.errors:
        return await _page(visit, view, filled=visit.form, errors=wanted.errors)
    is_changed = bool(wanted.changes) and await configuring.change_values(desk, place, wanted.changes)
    told = f"Saved for {name_of(place)}; it holds from the next review on." if is_changed else "Nothing was changed."
    return visit.go(address(HERE, place), told, kind="good" if is_changed else "plain")


async def preview(visit: Visit) -> Response:
    """POST /configuration/preview: the messages as they would be said, while they are typed."""
    place = await place_filled_in(visit)
    if not visit.is_live:
        return visit.go(address(HERE, place))
    view = await configuring.look_at(desk_of(visit), place)
    said = _previews(view.policy, visit.form)

    async def patches() -> AsyncIterator[Patch]:
        for into, text in said.items():
            yield Patch(into=f"preview-{into}", html=visit.text("config_preview.html", text=text))

    return visit.live(patches())


async def show_text(visit: Visit) -> Response:
    """GET /configuration/text: the same, as the text of a policy file."""
    view = await configuring.look_at(desk_of(visit), await place_asked(visit))
    return _text_page(visit, view, view.text, seen=seal_of(view.text))


async def save_text(visit: Visit) -> Response:
    """POST /configuration/text."""
    place, desk = await place_filled_in(visit), desk_of(visit)
    text = visit.form.exact("text")
    try:
        await configuring.put_text(desk, place, text, seen=visit.form.text("seen"))
    except AccessDenied:
        raise
    except UserError as error:
        view = await configuring.look_at(desk, place)
        told = told_wrong(error) if isinstance(error, PolicyError) else error.message
        return _text_page(visit, view, text, seen=visit.form.text("seen"), error=told)
    return visit.go(address(TEXT, place), f"Saved for {name_of(place)}; it holds from the next review on.")


async def check_text(visit: Visit) -> Response:
    """POST /configuration/check: what is wrong with the text, with its line, while it is typed."""
    place = await place_filled_in(visit)
    if not visit.is_live:
        return visit.go(address(TEXT, place))
    error, text = "", visit.form.exact("text")
    try:
        checked(text or "{}")
    except PolicyError as problem:
        error = told_wrong(problem)

    async def patches() -> AsyncIterator[Patch]:
        yield Patch(into="problems", html=visit.text("config_problems.html", error=error))

    return visit.live(patches())


async def add_folder(visit: Visit) -> Response:
    """POST /configuration/folders."""
    place = await place_filled_in(visit)
    try:
        folder = await configuring.configure_folder(desk_of(visit), place.repository, visit.form.text("new"))
    except AccessDenied:
        raise
    except UserError as error:
        return visit.go(address(HERE, place), error.message, kind="bad")
    here = Place(repository=place.repository, folder=folder)
    return visit.go(address(HERE, here), f"{folder} can have its own configuration now. Until then, all is inherited.")


async def remove_folder(visit: Visit) -> Response:
    """POST /configuration/folders/remove."""
    place = await place_filled_in(visit)
    await configuring.forget_folder(desk_of(visit), place)
    above = Place(repository=place.repository)
    return visit.go(address(HERE, above), f"{place.folder} follows the repository again.")


async def _page(
    visit: Visit, view: View, *, filled: Form | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    desk, place = desk_of(visit), view.place
    return visit.page(
        "configuration.html",
        status=400 if errors else 200,
        here=await choices(visit, place),
        at="/configuration",
        view=view,
        name=name_of(place),
        groups=config_form.groups(visit.house, view, filled=filled, errors=errors),
        errors=errors or {},
        files=[(each, file_url(visit.house, each)) for each in view.files],
        central=desk.central_name,
        may_edit=may_edit(visit, place.repository) and not desk.central_name,
        previews=_previews(view.policy, filled),
        placeholders=[f"@{name}" for name in placeholders(_sample(), view.policy)],
        address=address,
    )


def _text_page(visit: Visit, view: View, text: str, *, seen: str, error: str = "") -> Response:
    desk = desk_of(visit)
    return visit.page(
        "configuration_text.html",
        status=400 if error else 200,
        view=view,
        name=name_of(view.place),
        text=text,
        seen=seen,
        error=error,
        central=desk.central_name,
        may_edit=may_edit(visit, view.place.repository) and not desk.central_name,
        address=address,
    )


def _previews(policy: Policy, filled: Form | None) -> Mapping[str, str]:
    """The messages on a sample change, by the id of their field."""
    typed = dict(filled.items()) if filled else {}
    messages: Messages = policy.messages
    texts = {
        "customMessages-startReviewMessage": typed.get("customMessages.startReviewMessage", messages.start),
        "customMessages-endReviewMessage": typed.get("customMessages.endReviewMessage", messages.end),
    }
    return {field: message_text(text, _sample(), policy) if text.strip() else "" for field, text in texts.items()}


def _sample() -> Change:
    return Change(revision=Revision(base="", head=""), files=read_diff(_SAMPLE_DIFF))
