import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.forges.github.spoiling import ANYTHING, PATHS, spoiled
from tests.unit.forges.github.webhooks import (
    BASE,
    BEFORE,
    COMMENT,
    HEAD,
    PULL_REQUEST,
    REPOSITORY,
    SENDER,
    WEBHOOK_SECRET,
    headers_for,
    payload,
    signed,
    told,
)

from mesrai.domain.pull_request import Comment, Event, EventKind, Lifecycle, Person, PullRequest, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import WebhookRejected
from mesrai.forges.github.wire import pull_request_from, read_event

HELLO = RepositoryName(forge="github.com", owner="Codertocat", name="Hello-World")
CODERTOCAT = Person(id=21031067, login="Codertocat")
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
OUR_APP = Person(id=0, login="mesrai-review[bot]", is_bot=True)


def an_event(kind: EventKind, **fields: Any) -> Event:
    every: dict[str, Any] = {
        "delivery": DELIVERY, "repository": HELLO, "number": 2, "installation": 957387, "sender": CODERTOCAT,
    }  # fmt: skip
    return Event(kind=kind, **{**every, **fields})


@pytest.mark.parametrize("action", ["opened", "reopened", "ready_for_review"])
def test_pull_request_that_became_ready_is_opened(action: str) -> None:
    event = told("pull_request", payload(action, pull_request=PULL_REQUEST))

    assert event == an_event(EventKind.OPENED, head_sha=HEAD)


def test_push_names_the_head_it_replaced() -> None:
    event = told("pull_request", payload("synchronize", pull_request=PULL_REQUEST, before=BEFORE, after=HEAD))

    assert event == an_event(EventKind.PUSHED, head_sha=HEAD, before_sha=BEFORE)


@pytest.mark.parametrize("changes", [{"title": {"from": "x"}}, {"base": {"ref": {"from": "old"}}}])
def test_another_title_or_base_is_an_edit(changes: dict[str, Any]) -> None:
    event = told("pull_request", payload("edited", pull_request=PULL_REQUEST, changes=changes))

    assert event == an_event(EventKind.EDITED, head_sha=HEAD)


def test_another_description_is_ignored_since_we_write_it_ourselves() -> None:
    assert told("pull_request", payload("edited", pull_request=PULL_REQUEST, changes={"body": {"from": "x"}})) is None


def test_closing_is_told() -> None:
    assert told("pull_request", payload("closed", pull_request=PULL_REQUEST)) == an_event(
        EventKind.CLOSED, head_sha=HEAD
    )


def test_comment_in_the_conversation_has_no_head_and_no_thread() -> None:
    event = told("issue_comment", payload("created", issue={"number": 2, "pull_request": {}}, comment=COMMENT))

    assert event == an_event(
        EventKind.COMMENTED, comment=Comment(id=492700400, author=CODERTOCAT, body="@mesrai review")
    )


def test_comment_on_an_issue_is_ignored() -> None:
    assert told("issue_comment", payload("created", issue={"number": 2}, comment=COMMENT)) is None


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_changed_comments_are_ignored(action: str) -> None:
    issue = {"number": 2, "pull_request": {}}

    assert told("issue_comment", payload(action, issue=issue, comment=COMMENT)) is None
    assert told("pull_request_review_comment", payload(action, pull_request=PULL_REQUEST, comment=COMMENT)) is None


@pytest.mark.parametrize(("more", "thread"), [({}, 492700400), ({"in_reply_to_id": 77}, 77)])
def test_comment_on_a_line_stands_in_the_thread_of_its_first_one(more: dict[str, Any], thread: int) -> None:
    event = told(
        "pull_request_review_comment", payload("created", pull_request=PULL_REQUEST, comment={**COMMENT, **more})
    )

    comment = Comment(id=492700400, author=CODERTOCAT, body="@mesrai review", thread=thread)
    assert event == an_event(EventKind.COMMENTED, head_sha=HEAD, comment=comment)


@pytest.mark.parametrize("name", ["check_run", "check_suite"])
def test_asking_for_our_check_again_names_the_pull_request_into_this_repository(name: str) -> None:
    elsewhere = {"number": 9, "base": {"repo": {"id": 1}}}
    here = {"number": 2, "base": {"repo": {"id": REPOSITORY["id"]}}}
    check = {"head_sha": HEAD, "pull_requests": [elsewhere, here]}

    assert told(name, payload("rerequested", **{name: check})) == an_event(EventKind.RERUN, head_sha=HEAD)
    assert told(name, payload("completed", **{name: check})) is None


def test_check_of_a_fork_is_asked_for_by_its_commit() -> None:
    event = told("check_run", payload("rerequested", check_run={"head_sha": HEAD, "pull_requests": []}))

    assert event == an_event(EventKind.RERUN, head_sha=HEAD, number=None)


@pytest.mark.parametrize(
    ("action", "kind", "chosen"),
    [
        ("created", EventKind.CONNECTED, (HELLO,)),
        ("unsuspend", EventKind.CONNECTED, (HELLO,)),
        ("deleted", EventKind.DISCONNECTED, ()),
        ("suspend", EventKind.DISCONNECTED, ()),
    ],
)
def test_installation_comes_and_goes(action: str, kind: EventKind, chosen: tuple[RepositoryName, ...]) -> None:
    event = told("installation", payload(action, repository=None, repositories=[REPOSITORY]))

    assert event == an_event(kind, repository=None, number=None, repositories=chosen)


def test_repositories_are_added_and_removed_by_name() -> None:
    added = told("installation_repositories", payload("added", repository=None, repositories_added=[REPOSITORY]))
    removed = told("installation_repositories", payload("removed", repository=None, repositories_removed=[REPOSITORY]))

    assert added == an_event(EventKind.CONNECTED, repository=None, number=None, repositories=(HELLO,))
    assert removed == an_event(EventKind.DISCONNECTED, repository=None, number=None, repositories=(HELLO,))


def test_removing_no_repository_does_not_disconnect_the_installation() -> None:
    assert told("installation_repositories", payload("removed", repositories_removed=[])) is None


def test_ping_of_an_app_and_of_a_repository() -> None:
    assert told("ping", {"zen": "Design for failure.", "hook_id": 1}) == Event(kind=EventKind.PING, delivery=DELIVERY)
    assert told("ping", {"repository": REPOSITORY}) == Event(kind=EventKind.PING, delivery=DELIVERY, repository=HELLO)


@pytest.mark.parametrize("name", ["push", "star", "workflow_run", "never_heard_of"])
def test_other_events_are_ignored(name: str) -> None:
    assert told(name, payload("created")) is None


def test_everything_the_app_itself_does_is_ignored() -> None:
    ours = {"login": "Mesrai-Review[bot]", "id": 5, "type": "Bot"}
    issue = {"number": 2, "pull_request": {}}

    assert told("pull_request", payload("opened", pull_request=PULL_REQUEST, sender=ours), me=OUR_APP) is None
    assert told("issue_comment", payload("created", issue=issue, comment=COMMENT, sender=ours), me=OUR_APP) is None
    assert told("issue_comment", payload("created", issue=issue, comment=COMMENT), me=OUR_APP) is not None


def test_with_a_personal_token_only_marked_comments_are_ours() -> None:
    issue = {"number": 2, "pull_request": {}}
    marked = {**COMMENT, "body": "Done.\n\n<!-- mesrai:1 -->"}

    assert told("pull_request", payload("opened", pull_request=PULL_REQUEST), me=CODERTOCAT) is not None
    assert told("issue_comment", payload("created", issue=issue, comment=COMMENT), me=CODERTOCAT) is not None
    assert told("issue_comment", payload("created", issue=issue, comment=marked), me=CODERTOCAT) is None


def test_a_strangers_mark_does_not_hide_a_comment() -> None:
    issue = {"number": 2, "pull_request": {}}
    marked = {**COMMENT, "body": "@mesrai review <!-- mesrai:1 -->"}

    assert told("issue_comment", payload("created", issue=issue, comment=marked), me=OUR_APP) is not None


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=é", signed(b"{} "), signed(b"{}", Secret("x"))],
)
def test_wrong_signature_is_401_before_anything_is_parsed(signature: str) -> None:
    headers = {**headers_for("ping", b"{}"), "X-Hub-Signature-256": signature}

    with pytest.raises(WebhookRejected) as rejected:
        read_event(headers, b"{}", secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 401
    with pytest.raises(WebhookRejected) as rejected:
        read_event({"X-Hub-Signature-256": signature}, b"no json", secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 401


def test_without_a_secret_nothing_is_taken_whatever_the_signature() -> None:
    headers = {**headers_for("ping", b"{}"), "X-Hub-Signature-256": signed(b"{}", Secret(""))}

    with pytest.raises(WebhookRejected) as rejected:
        read_event(headers, b"{}", secret=Secret(""), me=None)
    assert rejected.value.status == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"9" * 5_000])
def test_body_that_is_no_object_is_400(body: bytes) -> None:
    with pytest.raises(WebhookRejected) as rejected:
        read_event(headers_for("pull_request", body), body, secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 400


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
def test_webhook_without_name_or_delivery_is_400(missing: str) -> None:
    headers = {name: value for name, value in headers_for("ping", b"{}").items() if name != missing}

    with pytest.raises(WebhookRejected) as rejected:
        read_event(headers, b"{}", secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 400


def test_form_is_415_and_the_message_says_what_to_set() -> None:
    body = b"payload=%7B%7D"
    headers = {**headers_for("ping", body), "Content-Type": "application/x-www-form-urlencoded"}

    with pytest.raises(WebhookRejected, match="application/json") as rejected:
        read_event(headers, body, secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 415


@pytest.mark.parametrize(
    "wrong",
    [
        {"pull_request": None},
        {"pull_request": {**PULL_REQUEST, "number": "two"}},
        {"pull_request": {**PULL_REQUEST, "number": -2}},
        {"pull_request": {**PULL_REQUEST, "number": True}},
        {"pull_request": {**PULL_REQUEST, "head": {"sha": "--upload-pack=x"}}},
        {"pull_request": {**PULL_REQUEST, "head": {"sha": HEAD + "\n--output=x"}}},
        {"repository": {**REPOSITORY, "full_name": "../etc"}},
        {"repository": {**REPOSITORY, "full_name": "a/.."}},
        {"repository": {**REPOSITORY, "full_name": "a/b/c"}},
        {"repository": {**REPOSITORY, "full_name": "a/b\n"}},
        {"sender": {"login": "a b", "id": 1}},
    ],
)
def test_event_without_a_field_we_need_is_400(wrong: dict[str, Any]) -> None:
    with pytest.raises(WebhookRejected) as rejected:
        told("pull_request", payload("opened", **{"pull_request": PULL_REQUEST, **wrong}))
    assert rejected.value.status == 400


def test_text_is_kept_to_what_databases_and_utf8_take() -> None:
    comment = {**COMMENT, "body": "a\0b\ud800c"}
    event = told("issue_comment", payload("created", issue={"number": 2, "pull_request": {}}, comment=comment))

    assert event is not None
    assert event.comment is not None
    assert event.comment.body == "ab?c"


def test_pull_request_is_read() -> None:
    assert pull_request_from(PULL_REQUEST, HELLO) == PullRequest(
        repository=HELLO,
        number=2,
        title="Update the README with new information.",
        body="This is a pretty simple change.",
        author=CODERTOCAT,
        lifecycle=Lifecycle.OPEN,
        is_draft=False,
        head_sha=HEAD,
        head_ref="changes",
        base_sha=BASE,
        base_ref="master",
        is_fork=False,
        default_branch="master",
        labels=("bug",),
    )


@pytest.mark.parametrize("head_repository", [None, {"id": 1}])
def test_head_elsewhere_or_gone_is_a_fork(head_repository: dict[str, Any] | None) -> None:
    head = {"ref": "changes", "sha": HEAD, "repo": head_repository}

    assert pull_request_from({**PULL_REQUEST, "head": head}, HELLO).is_fork


@pytest.mark.parametrize(
    ("more", "lifecycle"),
    [
        ({"state": "closed"}, Lifecycle.CLOSED),
        ({"state": "closed", "merged": True}, Lifecycle.MERGED),
        ({"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}, Lifecycle.MERGED),
    ],
)
def test_closed_is_not_merged(more: dict[str, Any], lifecycle: Lifecycle) -> None:
    assert pull_request_from({**PULL_REQUEST, **more}, HELLO).lifecycle is lifecycle


def test_author_who_left_is_the_ghost() -> None:
    assert pull_request_from({**PULL_REQUEST, "user": None}, HELLO).author == Person(id=10137, login="ghost")


NAMES = st.sampled_from(
    ["pull_request", "issue_comment", "pull_request_review_comment", "check_run", "check_suite", "installation",
     "installation_repositories", "ping", "push"]
)  # fmt: skip
ACTIONS = st.sampled_from(
    ["opened", "synchronize", "edited", "closed", "created", "rerequested", "added", "removed", "deleted"]
)
FULL = payload(
    pull_request=PULL_REQUEST,
    issue={"number": 2, "pull_request": {}},
    comment=COMMENT,
    check_run={"head_sha": HEAD, "pull_requests": [{"number": 2, "base": {"repo": REPOSITORY}}]},
    repositories=[REPOSITORY],
    repositories_added=[REPOSITORY],
    changes={"title": {}},
)


def status_of(name: str, body: bytes) -> int:
    """What the server would answer: 200 for an event that is read or ignored."""
    try:
        event = read_event(headers_for(name, body), body, secret=WEBHOOK_SECRET, me=OUR_APP)
    except WebhookRejected as rejected:
        return rejected.status
    return 200 if event is None or isinstance(event, Event) else 500


@settings(max_examples=300, deadline=None)
@given(name=NAMES, action=ACTIONS, path=PATHS, other=ANYTHING)
def test_whatever_one_field_holds_an_event_is_read_ignored_or_rejected(
    name: str, action: str, path: list[int], other: Any
) -> None:
    said = {**spoiled(FULL, path, other), "action": action}

    assert status_of(name, json.dumps(said).encode()) in (200, 400)


@settings(max_examples=150, deadline=None)
@given(
    name=NAMES | st.text(max_size=20), body=st.binary(max_size=200) | ANYTHING.map(lambda it: json.dumps(it).encode())
)
def test_whatever_is_signed_is_read_ignored_or_rejected(name: str, body: bytes) -> None:
    assert status_of(name, body) in (200, 400)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_bit_flipped_after_signing_is_401(body: bytes, at: int, bit: int) -> None:
    body = body or b"{}"
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit

    with pytest.raises(WebhookRejected) as rejected:
        read_event(headers_for("ping", body), bytes(changed), secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 401


def test_sender_is_who_did_it() -> None:
    event = told("pull_request", payload("opened", pull_request=PULL_REQUEST, sender={**SENDER, "type": "Bot"}))

    assert event == an_event(
        EventKind.OPENED, head_sha=HEAD, sender=Person(id=21031067, login="Codertocat", is_bot=True)
    )


@settings(max_examples=200, deadline=None)
@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["X-GitHub-Event", "x-github-delivery", "X-Hub-Signature", "X-Hub-Signature-256", "Content-Type", "Host"]
        ),
        st.text(max_size=30) | st.sampled_from(["ping", "pull_request", "sha256=", "sha1=" + "a" * 40, "a" * 64]),
    ),
    body=st.binary(max_size=60),
)
def test_nothing_that_is_not_signed_is_taken(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRejected) as rejected:
        read_event(headers, body, secret=WEBHOOK_SECRET, me=None)
    assert rejected.value.status == 401


@settings(max_examples=100, deadline=None)
@given(
    headers=st.dictionaries(
        st.sampled_from(["X-GitHub-Event", "X-GitHub-Delivery", "Content-Type"]),
        st.text(max_size=30) | st.sampled_from(["ping", "application/x-www-form-urlencoded", "a" * 201, "d\nx", "é"]),
    ),
    body=st.binary(max_size=30) | st.just(json.dumps(FULL).encode()),
)
def test_whatever_the_headers_say_what_is_signed_is_read_ignored_or_rejected(
    headers: dict[str, str], body: bytes
) -> None:
    try:
        event = read_event({"X-Hub-Signature-256": signed(body), **headers}, body, secret=WEBHOOK_SECRET, me=None)
        is_fine = event is None or (event.delivery.isascii() and event.delivery.isprintable())
    except WebhookRejected as rejected:
        is_fine = rejected.status in (400, 415)
    assert is_fine


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"action": ' + b"9" * 5_000 + b"}",
        b'{"action": "opened", "pull_request": Infinity}',
        b'{"pull_request": {}, "action": "opened", "pull_request": NaN}',
        b"\x1f\x8b\x08\x00",
        b"",
        b"null",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_json_that_is_made_to_break_its_reader_is_400(body: bytes) -> None:
    assert status_of("pull_request", body) == 400


def test_a_payload_as_a_form_is_told_what_to_set_however_its_type_is_written() -> None:
    body = b"payload=%7B%22zen%22%3A1%7D"
    for kind in ("application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"):
        with pytest.raises(WebhookRejected, match="application/json") as rejected:
            read_event({**headers_for("ping", body), "Content-Type": kind}, body, secret=WEBHOOK_SECRET, me=None)
        assert rejected.value.status == 415
