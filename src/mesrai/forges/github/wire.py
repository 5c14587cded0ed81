"""What GitHub sends, read into the words of the product. No I/O."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from mesrai.domain.pull_request import Comment, Event, EventKind, Lifecycle, Person, PullRequest, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import WebhookRejected
from mesrai.forges.github.payloads import (
    Misshapen,
    a_list,
    a_login,
    a_sha,
    an_id,
    an_object,
    optional_id,
    optional_object,
    optional_sha,
    owner_and_name,
    text,
)

OUR_MARK: Final = "<!-- mesrai"  # begins the hidden text in every comment of ours
_GHOST: Final = Person(id=10137, login="ghost")  # GitHub's account for those who deleted theirs
_MOST_DELIVERY: Final = 200

_PULL_REQUEST_ACTIONS: Final = {
    "opened": EventKind.OPENED,
    "reopened": EventKind.OPENED,
    "ready_for_review": EventKind.OPENED,
    "synchronize": EventKind.PUSHED,
    "edited": EventKind.EDITED,
    "closed": EventKind.CLOSED,
}
_INSTALLATION_ACTIONS: Final = {
    "created": EventKind.CONNECTED,
    "unsuspend": EventKind.CONNECTED,
    "new_permissions_accepted": EventKind.CONNECTED,
    "deleted": EventKind.DISCONNECTED,
    "suspend": EventKind.DISCONNECTED,
}
_SELECTION_ACTIONS: Final = {"added": EventKind.CONNECTED, "removed": EventKind.DISCONNECTED}


def read_event(
    headers: Mapping[str, str], body: bytes, *, secret: Secret, me: Person | None, forge: str = "github.com"
) -> Event | None:
    """What a webhook says, or None if it is nothing we act on: another event, or one we caused ourselves.

    `body` is what came, byte for byte; how much of it to take is the server's to say. `me` is who we are there, as
    far as known; `forge` the host a RepositoryName is given. An identity that is a person (a personal token's) is
    shared with that person, so only comments that carry OUR_MARK count as ours then; so it is where `me` is not known.
    Errors: WebhookRejected with 401 for a missing or wrong signature, or none configured (nothing is parsed before),
    415 for a form, 400 for what cannot be read.
    """
    given = {name.lower(): value for name, value in headers.items()}
    _check_signature(given.get("x-hub-signature-256", ""), body, secret)
    if "x-www-form-urlencoded" in given.get("content-type", "").lower():
        raise WebhookRejected("Set the content type of the webhook to application/json.", status=415)
    name, delivery = given.get("x-github-event", ""), given.get("x-github-delivery", "")
    if not name or not 0 < len(delivery) <= _MOST_DELIVERY or not (delivery.isascii() and delivery.isprintable()):
        raise WebhookRejected("X-GitHub-Event or X-GitHub-Delivery is missing.", status=400)
    event = event_from(name, body, delivery=delivery, forge=forge)
    return None if event is None or _is_ours(event, me) else event


def event_from(name: str, body: bytes, *, delivery: str, forge: str) -> Event | None:
    """What an event of this name says, wherever it came from; None if it is nothing we act on.

    Errors: WebhookRejected for what cannot be read.
    """
    payload = _parsed(body)
    read = _READERS.get(name)
    if read is None:
        return None
    try:
        return read(payload, delivery, forge)
    except Misshapen as error:
        raise WebhookRejected(f"This is no {name[:40]} event of GitHub: {error}.", status=400) from error


def is_same(one: Person, other: Person) -> bool:
    """Whether two mentions mean one account. An id of 0 is not known."""
    return (one.id > 0 and one.id == other.id) or one.login.casefold() == other.login.casefold()


def person_from(payload: Mapping[str, Any] | None) -> Person:
    """An account; GitHub's ghost for one that is gone. Errors: Misshapen."""
    if payload is None:
        return _GHOST
    login = a_login(payload)
    is_bot = payload.get("type") == "Bot" or login.endswith("[bot]")
    return Person(id=optional_id(payload) or 0, login=login, is_bot=is_bot)


def repository_from(payload: Mapping[str, Any], forge: str) -> RepositoryName:
    """A repository's name. Errors: Misshapen."""
    owner, name = owner_and_name(payload)
    return RepositoryName(forge=forge, owner=owner, name=name)


def pull_request_from(payload: Mapping[str, Any], repository: RepositoryName) -> PullRequest:
    """A pull request as the API or a webhook gives it. Errors: Misshapen."""
    head, base = an_object(payload, "head"), an_object(payload, "base")
    head_repository, base_repository = optional_object(head, "repo"), an_object(base, "repo")
    return PullRequest(
        repository=repository,
        number=an_id(payload, "number"),
        title=text(payload, "title"),
        body=text(payload, "body"),
        author=person_from(optional_object(payload, "user")),
        lifecycle=_lifecycle(payload),
        is_draft=payload.get("draft") is True,
        head_sha=a_sha(head),
        head_ref=text(head, "ref"),
        base_sha=a_sha(base),
        base_ref=text(base, "ref"),
        # A fork may be gone; where it went is not here.
        is_fork=head_repository is None or an_id(head_repository) != an_id(base_repository),
        default_branch=text(base_repository, "default_branch"),
        labels=tuple(text(label, "name") for label in a_list(payload, "labels") if isinstance(label, Mapping)),
    )


def comment_from(payload: Mapping[str, Any], *, thread: int | None = None) -> Comment:
    """A comment as the API or a webhook gives it. Errors: Misshapen."""
    author = person_from(optional_object(payload, "user"))
    return Comment(id=an_id(payload), author=author, body=text(payload, "body"), thread=thread)


def _check_signature(signature: str, body: bytes, secret: Secret) -> None:
    if not secret:
        raise WebhookRejected("No webhook secret is configured here, so nothing is taken.", status=401)
    expected = "sha256=" + hmac.new(secret.open().encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise WebhookRejected(
            "The signature is missing or wrong. Compare the webhook secret on both sides.", status=401
        )


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WebhookRejected("The body is not JSON.", status=400) from error
    if not isinstance(payload, dict):
        raise WebhookRejected("The body is not a JSON object.", status=400)
    return payload


def _is_ours(event: Event, me: Person | None) -> bool:
    is_marked = event.comment is not None and OUR_MARK in event.comment.body
    if me is None:
        return is_marked  # rather overhear somebody than answer ourselves
    if event.sender is None or not is_same(event.sender, me):
        return False
    return me.is_bot or is_marked


def _lifecycle(payload: Mapping[str, Any]) -> Lifecycle:
    if payload.get("state") != "closed":
        return Lifecycle.OPEN
    return Lifecycle.MERGED if payload.get("merged") is True or payload.get("merged_at") else Lifecycle.CLOSED


def _event(
    kind: EventKind, payload: Mapping[str, Any], delivery: str, forge: str, *, number: int | None = None
) -> Event:
    """What all events about a repository have."""
    sender = optional_object(payload, "sender")
    return Event(
        kind=kind,
        delivery=delivery,
        repository=repository_from(an_object(payload, "repository"), forge),
        number=number,
        installation=optional_id(optional_object(payload, "installation")),
        sender=person_from(sender) if sender is not None else None,
    )


def _pull_request_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    kind = _PULL_REQUEST_ACTIONS.get(text(payload, "action"))
    changes = optional_object(payload, "changes") or {}
    if kind is None or (kind is EventKind.EDITED and not changes.keys() & {"title", "base"}):
        return None
    pull_request = an_object(payload, "pull_request")
    event = _event(kind, payload, delivery, forge, number=an_id(pull_request, "number"))
    before = optional_sha(payload, "before") if kind is EventKind.PUSHED else ""
    return replace(event, head_sha=a_sha(an_object(pull_request, "head")), before_sha=before)


def _issue_comment_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    issue = an_object(payload, "issue")
    if payload.get("action") != "created" or optional_object(issue, "pull_request") is None:
        return None
    event = _event(EventKind.COMMENTED, payload, delivery, forge, number=an_id(issue, "number"))
    return replace(event, comment=comment_from(an_object(payload, "comment")))


def _review_comment_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    if payload.get("action") != "created":
        return None
    pull_request, comment = an_object(payload, "pull_request"), an_object(payload, "comment")
    event = _event(EventKind.COMMENTED, payload, delivery, forge, number=an_id(pull_request, "number"))
    thread = optional_id(comment, "in_reply_to_id") or an_id(comment)
    head = a_sha(an_object(pull_request, "head"))
    return replace(event, head_sha=head, comment=comment_from(comment, thread=thread))


def _check_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    if payload.get("action") != "rerequested":
        return None
    check = optional_object(payload, "check_run") or an_object(payload, "check_suite")
    number = _number_of(a_list(check, "pull_requests"), an_object(payload, "repository"))
    return replace(_event(EventKind.RERUN, payload, delivery, forge, number=number), head_sha=a_sha(check, "head_sha"))


def _number_of(pull_requests: Any, repository: Mapping[str, Any]) -> int | None:
    """The first pull request into this repository. The list is empty for forks, and may name other repositories'."""
    for each in pull_requests:
        base = optional_object(optional_object(each, "base"), "repo")
        if optional_id(base) == optional_id(repository) is not None:
            return optional_id(each, "number")
    return None


def _installation_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    kind = _INSTALLATION_ACTIONS.get(text(payload, "action"))
    chosen = a_list(payload, "repositories") if kind is EventKind.CONNECTED else ()
    return None if kind is None else _installed(kind, payload, delivery, tuple(_names(chosen, forge)))


def _selection_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    action = text(payload, "action")
    kind = _SELECTION_ACTIONS.get(action)
    chosen = tuple(_names(a_list(payload, f"repositories_{action}"), forge))
    if kind is EventKind.DISCONNECTED and not chosen:
        return None  # without names it would mean the whole installation
    return None if kind is None else _installed(kind, payload, delivery, chosen)


def _installed(
    kind: EventKind, payload: Mapping[str, Any], delivery: str, repositories: tuple[RepositoryName, ...]
) -> Event:
    sender = optional_object(payload, "sender")
    return Event(
        kind=kind,
        delivery=delivery,
        installation=an_id(an_object(payload, "installation")),
        sender=person_from(sender) if sender is not None else None,
        repositories=repositories,
    )


def _names(repositories: Any, forge: str) -> Iterator[RepositoryName]:
    for each in repositories:
        if isinstance(each, Mapping):
            yield repository_from(each, forge)


def _ping_event(payload: Mapping[str, Any], delivery: str, forge: str) -> Event | None:
    event = Event(kind=EventKind.PING, delivery=delivery)
    repository = optional_object(payload, "repository")  # none in the ping of an app
    return event if repository is None else replace(event, repository=repository_from(repository, forge))


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str, str], Event | None]]] = {
    "pull_request": _pull_request_event,
    "issue_comment": _issue_comment_event,
    "pull_request_review_comment": _review_comment_event,
    "check_run": _check_event,
    "check_suite": _check_event,
    "installation": _installation_event,
    "installation_repositories": _selection_event,
    "ping": _ping_event,
}
