"""Every page of the site, with the right it needs: the one list of them."""

from collections.abc import Sequence
from typing import Final

from mesrai.domain.roles import Right
from mesrai.server.web.pages import account, audit, doors, forge, people, queue, start, usage
from mesrai.server.web.site import Page

POST: Final = ("POST",)

PAGES: Final[Sequence[Page]] = (
    Page(path="/", show=doors.home, needs=None),
    Page(path="/sign-in", show=doors.show_sign_in, needs=None),
    Page(path="/sign-in", show=doors.do_sign_in, needs=None, methods=POST),
    Page(path="/sign-out", show=doors.do_sign_out, needs=None, methods=POST),
    Page(path="/welcome", show=doors.show_welcome, needs=None),
    Page(path="/welcome", show=doors.do_welcome, needs=None, methods=POST),
    Page(path="/join", show=doors.show_join, needs=None),
    Page(path="/join", show=doors.do_join, needs=None, methods=POST),
    Page(path="/start", show=start.show, needs=Right.OWN_ACCOUNT),
    Page(path="/account", show=account.show, needs=Right.OWN_ACCOUNT),
    Page(path="/account/name", show=account.rename, needs=Right.OWN_ACCOUNT, methods=POST),
    Page(path="/account/password", show=account.change_password, needs=Right.OWN_ACCOUNT, methods=POST),
    Page(path="/account/sessions/end", show=account.end_sessions, needs=Right.OWN_ACCOUNT, methods=POST),
    Page(path="/account/tokens", show=account.make_token, needs=Right.OWN_ACCOUNT, methods=POST),
    Page(path="/account/tokens/end", show=account.end_token, needs=Right.OWN_ACCOUNT, methods=POST),
    Page(path="/people", show=people.show, needs=Right.SEE_PEOPLE),
    Page(path="/people/invite", show=people.invite, needs=Right.EDIT_PEOPLE, methods=POST),
    Page(path="/people/invitations/take-back", show=people.take_back, needs=Right.EDIT_PEOPLE, methods=POST),
    Page(path="/people/{account}/role", show=people.change, needs=Right.EDIT_PEOPLE, methods=POST),
    Page(path="/people/{account}/remove", show=people.remove, needs=Right.EDIT_PEOPLE, methods=POST),
    Page(path="/audit", show=audit.show, needs=Right.SEE_AUDIT),
    Page(path="/usage", show=usage.show, needs=Right.SEE_USAGE),
    Page(path="/usage.csv", show=usage.as_csv, needs=Right.SEE_USAGE),
    Page(path="/usage/budget", show=usage.change_budget, needs=Right.EDIT_BUDGETS, methods=POST),
    Page(path="/organization/github", show=forge.show, needs=Right.SEE_CONFIGURATION),
    Page(path="/organization/github", show=forge.connect, needs=Right.CONNECT_FORGE, methods=POST),
    Page(path="/organization/github/created", show=forge.created, needs=Right.CONNECT_FORGE),
    Page(path="/organization/github/disconnect", show=forge.disconnect, needs=Right.CONNECT_FORGE, methods=POST),
    Page(path="/repositories", show=forge.show_repositories, needs=Right.SEE_CONFIGURATION),
    Page(path="/repositories/look", show=forge.look, needs=Right.CONNECT_FORGE, methods=POST),
    Page(path="/repositories/switch", show=forge.switch, needs=Right.EDIT_CONFIGURATION, methods=POST),
    Page(path="/repositories/pulls", show=forge.show_pulls, needs=Right.RUN_REVIEWS),
    Page(path="/repositories/review", show=forge.review, needs=Right.RUN_REVIEWS, methods=POST),
    Page(path="/queue", show=queue.show, needs=Right.SEE_QUEUE),
)
