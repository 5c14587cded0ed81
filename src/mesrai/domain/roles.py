"""Who may do what: the roles of an organisation's members, and the one table of their rights."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a member is."""

    OWNER = "owner"
    ADMIN = "admin"
    REPOSITORY_ADMIN = "repository_admin"  # of the repositories that are named for the member
    MEMBER = "member"
    BILLING = "billing"  # sees what is spent, and sets budgets


class Right(StrEnum):
    """One thing that a page or a call of the API needs."""

    SEE_REVIEWS = "see_reviews"
    SEE_PROMPTS = "see_prompts"  # what a model was asked and answered, with the code in it
    RUN_REVIEWS = "run_reviews"  # start, stop, and give feedback
    ASK_MODEL = "ask_model"  # put questions of reviews elsewhere, such as in a terminal, to the connected model
    SEE_CONNECTIONS = "see_connections"  # never a key
    EDIT_CONNECTIONS = "edit_connections"
    SEE_USAGE = "see_usage"
    EDIT_BUDGETS = "edit_budgets"
    SEE_CONFIGURATION = "see_configuration"
    EDIT_CONFIGURATION = "edit_configuration"  # of the organisation, and of every repository
    EDIT_OWN_REPOSITORIES = "edit_own_repositories"  # configuration, rules and memories of those named for the member
    CONNECT_FORGE = "connect_forge"
    SEE_QUEUE = "see_queue"
    EDIT_QUEUE = "edit_queue"  # retry and cancel jobs
    SEE_PEOPLE = "see_people"
    EDIT_PEOPLE = "edit_people"  # invite, change roles, remove
    SEE_AUDIT = "see_audit"
    OWN_ACCOUNT = "own_account"  # one's own password, sessions and tokens


_ALL: Final = frozenset(Role)
_RUN_IT: Final = frozenset({Role.OWNER, Role.ADMIN})
_REPOSITORIES: Final = _RUN_IT | {Role.REPOSITORY_ADMIN}

RIGHTS: Final[Mapping[Right, frozenset[Role]]] = {
    Right.SEE_REVIEWS: _REPOSITORIES | {Role.MEMBER},
    Right.SEE_PROMPTS: _REPOSITORIES,
    Right.RUN_REVIEWS: _REPOSITORIES | {Role.MEMBER},
    Right.ASK_MODEL: _REPOSITORIES | {Role.MEMBER},
    Right.SEE_CONNECTIONS: _ALL,
    Right.EDIT_CONNECTIONS: _RUN_IT,
    Right.SEE_USAGE: _ALL - {Role.MEMBER},
    Right.EDIT_BUDGETS: _RUN_IT | {Role.BILLING},
    Right.SEE_CONFIGURATION: _ALL - {Role.BILLING},
    Right.EDIT_CONFIGURATION: _RUN_IT,
    Right.EDIT_OWN_REPOSITORIES: _REPOSITORIES,
    Right.CONNECT_FORGE: _RUN_IT,
    Right.SEE_QUEUE: _REPOSITORIES,
    Right.EDIT_QUEUE: _RUN_IT,
    Right.SEE_PEOPLE: _ALL,
    Right.EDIT_PEOPLE: _RUN_IT,
    Right.SEE_AUDIT: _RUN_IT,
    Right.OWN_ACCOUNT: _ALL,
}


def may(role: Role, right: Right) -> bool:
    """Whether a member of that role has the right."""
    return role in RIGHTS[right]


def may_make(role: Role, other: Role) -> bool:
    """Whether a member of that role may give somebody the other role, or take it: only owners make owners."""
    return may(role, Right.EDIT_PEOPLE) and (role is Role.OWNER or other is not Role.OWNER)
