import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.forges.github.scripted import SHA, SHOP, Asked, Says, Script, Talk, talk
from tests.unit.forges.github.spoiling import ANYTHING, spoiled
from tests.unit.forges.github.webhooks import PULL_REQUEST

from mesrai.domain.pull_request import Comment, Person
from mesrai.errors import ForgeAuth, ForgeError, ForgeNotFound, ForgeRejected, ForgeUnavailable
from mesrai.forges.forge import Annotation, Check, Conclusion, Forge, Reaction, Thread, Verdict
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.wire import pull_request_from

REPO = "/repos/acme/shop"
ADA = {"login": "ada", "id": 3, "type": "User"}
ME = {"login": "mesrai-token-owner", "id": 9, "type": "User"}


def a_thread(**fields: Any) -> Thread:
    every: dict[str, Any] = {
        "id": "T1", "comments": (), "path": "a.py", "line": 1, "is_resolved": False, "is_outdated": False,
    }  # fmt: skip
    return Thread(**{**every, **fields})


def a_check(count: int = 0, conclusion: Conclusion | None = Conclusion.SUCCESS) -> Check:
    annotation = Annotation(path="a.py", first_line=1, last_line=1, level="notice", title="T", message="M")
    return Check(sha=SHA, title="Reviewed", summary="S", conclusion=conclusion, annotations=(annotation,) * count)


def test_github_is_a_forge() -> None:
    async def ask(to: Talk) -> Forge:
        return to.shop

    assert isinstance(talk({}, ask)[0], GitHub)


def test_owner_of_the_token_is_asked_for_once() -> None:
    async def ask(to: Talk) -> tuple[Person, Person]:
        shop = to.shop
        return await shop.me(), await shop.me()

    people, github = talk({"GET /user": Says(body=ME)}, ask)

    assert people == (Person(id=9, login="mesrai-token-owner"),) * 2
    assert github.lines == ["GET /user"]


def test_token_of_a_workflow_acts_as_the_workflows_bot() -> None:
    script = {
        "GET /user": Says(status=403, body={"message": "Resource not accessible by integration"}),
        "GET /users/github-actions%5Bbot%5D": Says(
            body={"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}
        ),
    }

    assert talk(script, lambda to: to.shop.me())[0] == Person(id=41898282, login="github-actions[bot]", is_bot=True)


def test_bad_token_is_nobody() -> None:
    with pytest.raises(ForgeAuth):
        talk({"GET /user": Says(status=401)}, lambda to: to.shop.me())


def test_pull_request_is_read_as_it_stands() -> None:
    found, _ = talk({f"GET {REPO}/pulls/2": Says(body=PULL_REQUEST)}, lambda to: to.shop.pull_request(2))

    assert found == pull_request_from(PULL_REQUEST, SHOP)


@pytest.mark.parametrize("body", [None, [], {}, {**PULL_REQUEST, "head": {}}, {**PULL_REQUEST, "number": "x"}])
def test_answer_that_is_no_pull_request_is_unavailable(body: Any) -> None:
    with pytest.raises(ForgeUnavailable, match="not as documented"):
        talk({f"GET {REPO}/pulls/2": Says(body=body)}, lambda to: to.shop.pull_request(2))


@pytest.mark.parametrize(
    ("permission", "may"), [("admin", True), ("write", True), ("maintain", True), ("read", False), ("none", False)]
)
def test_permission_says_who_may_write(permission: str, may: bool) -> None:
    script = {f"GET {REPO}/collaborators/ada/permission": Says(body={"permission": permission})}

    assert talk(script, lambda to: to.shop.may_write("ada"))[0] is may


@pytest.mark.parametrize(
    ("permission", "role", "may"),
    [
        ("admin", "admin", True),
        ("write", "maintain", True),
        ("admin", "security-lead", True),
        ("write", "write", False),
        ("write", "release-lead", False),
        ("read", "triage", False),
        ("none", None, False),
    ],
)
def test_role_says_who_may_administer(permission: str, role: str | None, may: bool) -> None:
    body = {"permission": permission, "role_name": role}
    script = {f"GET {REPO}/collaborators/ada/permission": Says(body=body)}

    assert talk(script, lambda to: to.shop.may_administer("ada"))[0] is may


def test_name_that_nobody_has_may_not_write_but_a_hidden_repository_is_an_error() -> None:
    path = f"GET {REPO}/collaborators/x%2F..%5Bbot%5D/permission"

    assert not talk(
        {path: Says(status=404, body={"message": "x is not a user"})}, lambda to: to.shop.may_write("x/..[bot]")
    )[0]
    with pytest.raises(ForgeNotFound):
        talk({path: Says(status=404, body={"message": "Not Found"})}, lambda to: to.shop.may_write("x/..[bot]"))


def test_comments_of_the_conversation_are_read_to_the_last_page() -> None:
    script: Script = {
        f"GET {REPO}/issues/2/comments": [
            Says(body=[{"id": 1, "user": ADA, "body": "a"}], headers={"Link": '<{url}/rest>; rel="next"'})
        ],
        "GET /rest": Says(body=[{"id": 2, "user": None, "body": None}]),
    }

    assert talk(script, lambda to: to.shop.comments(2))[0] == [
        Comment(id=1, author=Person(id=3, login="ada"), body="a"),
        Comment(id=2, author=Person(id=10137, login="ghost"), body=""),
    ]


def test_texts_go_where_they_belong_and_carry_our_mark() -> None:
    made = Says(status=201, body={"id": 77})
    script = {
        f"POST {REPO}/issues/2/comments": made,
        f"POST {REPO}/pulls/2/comments/5/replies": made,
        f"PATCH {REPO}/issues/comments/77": Says(body={}),
        f"PATCH {REPO}/pulls/2": Says(body={}),
    }

    async def ask(to: Talk) -> tuple[int, int]:
        ids = await to.shop.post_comment(2, "Hello"), await to.shop.reply(2, thread=5, body="Yes")
        await to.shop.edit_comment(77, "Done <!-- mesrai:v1 -->")
        await to.shop.describe(2, "What it does")
        return ids

    ids, github = talk(script, ask)

    assert ids == (77, 77)
    assert [asked.body for asked in github.asked] == [
        {"body": "Hello\n\n<!-- mesrai -->"},
        {"body": "Yes\n\n<!-- mesrai -->"},
        {"body": "Done <!-- mesrai:v1 -->"},
        {"body": "What it does"},
    ]


def reactions_at(place: str) -> Script:
    return {
        "GET /user": Says(body=ME),
        f"GET {place}": Says(
            body=[
                {"id": 1, "content": "rocket", "user": ME},
                {"id": 2, "content": "rocket", "user": ADA},
                {"id": 3, "content": "heart", "user": ME},
                {"id": 4, "content": "hooray", "user": ME},
            ]
        ),
        f"POST {place}": Says(status=200, body={"id": 4}),
        f"DELETE {place}/1": Says(status=204),
    }


@pytest.mark.parametrize(
    ("comment", "place"),
    [
        (None, f"{REPO}/issues/2/reactions"),
        (5, f"{REPO}/issues/comments/5/reactions"),
        (5, f"{REPO}/pulls/comments/5/reactions"),
    ],
)
def test_reaction_takes_the_place_of_our_earlier_one_only(comment: int | None, place: str) -> None:
    _, github = talk(reactions_at(place), lambda to: to.shop.react(2, Reaction.DONE, comment=comment))

    changed = [(asked.method, asked.path, asked.body) for asked in github.asked if asked.method != "GET"]
    assert changed == [("POST", place, {"content": "hooray"}), ("DELETE", f"{place}/1", None)]


def test_check_with_many_annotations_is_made_and_then_brought_up_to_date() -> None:
    script = {
        "GET /user": Says(body=ME),
        f"GET {REPO}/commits/{SHA}/check-runs": Says(body={"total_count": 0, "check_runs": []}),
        f"POST {REPO}/check-runs": Says(status=201, body={"id": 8}),
        f"PATCH {REPO}/check-runs/8": Says(body={"id": 8}),
    }
    run, github = talk(script, lambda to: to.shop.put_check(a_check(70)))

    assert run == 8
    made, updated = (asked.body for asked in github.asked if asked.method != "GET")
    assert (made["head_sha"], made["status"], len(made["output"]["annotations"])) == (SHA, "in_progress", 50)
    assert made["external_id"] == "mesrai:v1"
    assert (updated["conclusion"], len(updated["output"]["annotations"])) == ("success", 20)


def test_check_with_an_id_is_brought_up_to_date() -> None:
    script = {
        f"GET {REPO}/check-runs/8/annotations": Says(body=[]),
        f"PATCH {REPO}/check-runs/8": Says(body={"id": 8}),
    }
    run, github = talk(script, lambda to: to.shop.put_check(a_check(70), id=8))

    assert (run, [asked.method for asked in github.asked]) == (8, ["GET", "PATCH", "PATCH"])


def test_where_checks_are_refused_a_status_is_set_and_checks_are_not_tried_again() -> None:
    refused = Says(status=403, body={"message": "You must authenticate via a GitHub App."})
    script = {
        "GET /user": Says(body=ME),
        f"GET {REPO}/commits/{SHA}/check-runs": Says(body={"total_count": 0, "check_runs": []}),
        f"POST {REPO}/check-runs": refused,
        f"POST {REPO}/statuses/{SHA}": Says(status=201, body={"id": 1}),
    }

    async def ask(to: Talk) -> list[int | None]:
        shop = to.shop
        return [await shop.put_check(a_check(conclusion=None)), await shop.put_check(a_check())]

    ids, github = talk(script, ask)

    assert ids == [None, None]
    assert [line for line in github.lines if not line.startswith("GET")] == [
        f"POST {REPO}/check-runs",
        f"POST {REPO}/statuses/{SHA}",
        f"POST {REPO}/statuses/{SHA}",
    ]
    assert github.asked[-1].body == {"state": "success", "context": "Mesrai", "description": "Reviewed"}


def a_run(id_: int, *, slug: str = "mesrai-token-owner", external: str = "mesrai:v1") -> dict[str, Any]:
    return {"id": id_, "external_id": external, "app": {"id": 1, "slug": slug}}


@pytest.mark.parametrize(
    ("runs", "line"),
    [
        ([a_run(5), a_run(6)], "PATCH {REPO}/check-runs/6"),
        ([a_run(5), a_run(6, slug="other"), a_run(7, external="a workflow's job")], "PATCH {REPO}/check-runs/5"),
        ([a_run(6, slug="other"), a_run(7, external=""), {"id": 9, "app": None}], "POST {REPO}/check-runs"),
    ],
)
def test_check_that_is_not_remembered_is_found_on_its_commit(runs: list[dict[str, Any]], line: str) -> None:
    script = {
        "GET /user": Says(body={**ME, "login": "mesrai-token-owner[bot]"}),
        f"GET {REPO}/commits/{SHA}/check-runs": Says(body={"total_count": len(runs), "check_runs": runs}),
        f"POST {REPO}/check-runs": Says(status=201, body={"id": 8}),
        f"PATCH {REPO}/check-runs/6": Says(body={"id": 6}),
        f"PATCH {REPO}/check-runs/5": Says(body={"id": 5}),
    }
    _, github = talk(script, lambda to: to.shop.put_check(a_check()))

    assert [each for each in github.lines if not each.startswith("GET")] == [line.replace("{REPO}", REPO)]


def test_check_that_may_not_be_changed_is_an_error_not_a_status() -> None:
    with pytest.raises(ForgeAuth):
        talk(
            {f"PATCH {REPO}/check-runs/8": Says(status=403)},
            lambda to: to.shop.put_check(a_check(), id=8),
        )


def a_comment_node(id_: int, login: str, kind: str = "User", body: str = "x") -> dict[str, Any]:
    author = {"__typename": kind, "login": login, "databaseId": 3}
    return {"fullDatabaseId": str(id_), "body": body, "author": author}


def a_page(nodes: list[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    return {"pageInfo": {"hasNextPage": after is not None, "endCursor": after}, "nodes": nodes}


def a_thread_node(id_: str, comments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    standing = {"isResolved": False, "isOutdated": False, "path": "a.py", "line": 7, "diffSide": "RIGHT"}
    return {"id": id_, "comments": comments, **standing, **fields}


def threads_by_page(asked: Asked) -> Says:
    variables = asked.body["variables"]
    if "id" in variables:
        assert variables == {"id": "T1", "after": "c1"}
        return Says(body={"data": {"node": {"comments": a_page([a_comment_node(5_000_000_002, "ada")])}}})
    first = a_page([a_thread_node("T1", a_page([a_comment_node(5_000_000_001, "mesrai", "Bot")], "c1"))], "t1")
    by = {"__typename": "User", "login": "ada", "databaseId": 3}
    settled = {"line": None, "isOutdated": True, "isResolved": True, "resolvedBy": by}
    second = a_page(
        [
            a_thread_node("T2", a_page([a_comment_node(4, "ada")]), **settled),
            a_thread_node("T3", a_page([{**a_comment_node(6, "x"), "author": None}]), diffSide="LEFT"),
        ]
    )
    page = first if variables["after"] is None else second
    return Says(body={"data": {"repository": {"pullRequest": {"reviewThreads": page}}}})


def test_threads_are_read_to_the_last_page_with_all_their_comments() -> None:
    threads, github = talk({"POST /graphql": threads_by_page}, lambda to: to.shop.threads(2))

    bot, ada = Person(id=3, login="mesrai[bot]", is_bot=True), Person(id=3, login="ada")
    ghost = Person(id=10137, login="ghost")
    first = 5_000_000_001
    assert threads == [
        a_thread(
            id="T1",
            line=7,
            comments=(
                Comment(id=first, author=bot, body="x", thread=first),
                Comment(id=5_000_000_002, author=ada, body="x", thread=first),
            ),
        ),
        a_thread(
            id="T2",
            line=None,
            is_outdated=True,
            is_resolved=True,
            resolved_by=ada,
            comments=(Comment(id=4, author=ada, body="x", thread=4),),
        ),
        a_thread(id="T3", line=None, comments=(Comment(id=6, author=ghost, body="x", thread=6),)),
    ]
    assert len(github.asked) == 3


def test_pull_request_that_graphql_does_not_show_is_not_found() -> None:
    says = Says(body={"data": {"repository": {"pullRequest": None}}})

    with pytest.raises(ForgeNotFound):
        talk({"POST /graphql": says}, lambda to: to.shop.threads(2))


def test_paging_that_never_ends_is_refused_rather_than_cut() -> None:
    page = a_page([], "again")
    says = Says(body={"data": {"repository": {"pullRequest": {"reviewThreads": page}}}})

    with pytest.raises(ForgeRejected):
        talk({"POST /graphql": says}, lambda to: to.shop.threads(2))


def test_thread_is_resolved_by_graphql_which_must_say_so() -> None:
    thread = a_thread(id="T9")
    done = {"data": {"resolveReviewThread": {"thread": {"id": "T9", "isResolved": True}}}}
    _, github = talk({"POST /graphql": Says(body=done)}, lambda to: to.shop.resolve(thread))

    assert github.asked[0].body["variables"] == {"id": "T9"}
    with pytest.raises(ForgeRejected):
        talk(
            {"POST /graphql": Says(body={"data": {"resolveReviewThread": None}})},
            lambda to: to.shop.resolve(replace(thread, id="T8")),
        )


def a_review(id_: int, state: str, user: Any = ME) -> dict[str, Any]:
    return {"id": id_, "state": state, "user": user}


@pytest.mark.parametrize(
    ("reviews", "verdict"),
    [
        ([], None),
        ([a_review(1, "COMMENTED")], None),
        ([a_review(1, "APPROVED", ADA)], None),
        ([a_review(1, "APPROVED", None)], None),
        ([a_review(1, "APPROVED"), a_review(2, "COMMENTED")], Verdict.APPROVE),
        ([a_review(1, "APPROVED"), a_review(2, "CHANGES_REQUESTED"), a_review(3, "PENDING")], Verdict.REQUEST_CHANGES),
        ([a_review(1, "CHANGES_REQUESTED"), a_review(2, "DISMISSED")], None),
    ],
)
def test_last_verdict_of_ours_is_the_one_that_counts(reviews: list[Any], verdict: Verdict | None) -> None:
    script = {"GET /user": Says(body=ME), f"GET {REPO}/pulls/2/reviews": Says(body=reviews)}

    assert talk(script, lambda to: to.shop.verdict(2))[0] is verdict


def test_verdict_is_withdrawn_with_a_reason_once() -> None:
    script: Script = {
        "GET /user": Says(body=ME),
        f"GET {REPO}/pulls/2/reviews": [Says(body=[a_review(4, "CHANGES_REQUESTED")]), Says(body=[])],
        f"PUT {REPO}/pulls/2/reviews/4/dismissals": Says(body={}),
    }

    async def ask(to: Talk) -> None:
        await to.shop.withdraw(2, "All of it is fixed.")
        await to.shop.withdraw(2, "All of it is fixed.")

    _, github = talk(script, ask)

    written = [(asked.path, asked.body) for asked in github.asked if asked.method != "GET"]
    assert written == [(f"{REPO}/pulls/2/reviews/4/dismissals", {"message": "All of it is fixed.", "event": "DISMISS"})]


def threads_spoiled(path: list[int], other: Any) -> Any:
    thread = a_thread_node("T1", a_page([a_comment_node(1, "ada")]), resolvedBy={"login": "ada"})
    return spoiled({"repository": {"pullRequest": {"reviewThreads": a_page([thread])}}}, path, other)


@settings(max_examples=60, deadline=None)
@given(path=st.lists(st.integers(0, 9), min_size=4, max_size=9), other=ANYTHING)
def test_whatever_one_field_of_an_answer_holds_it_is_read_or_our_error(path: list[int], other: Any) -> None:
    reviews = spoiled([a_review(1, "APPROVED")], path[2:], other)
    script = {
        f"GET {REPO}/pulls/2": Says(body=spoiled(PULL_REQUEST, path[2:], other)),
        f"GET {REPO}/pulls/2/reviews": Says(body=reviews),
        "GET /user": Says(body=spoiled(ME, path[-1:], other)),
        "POST /graphql": Says(body={"data": threads_spoiled(path, other)}),
    }

    async def ask(to: Talk) -> list[object]:
        shop = to.shop
        calls = (shop.pull_request(2), shop.verdict(2), shop.me(), shop.threads(2))
        found = await asyncio.gather(*calls, return_exceptions=True)
        return [each for each in found if isinstance(each, BaseException) and not isinstance(each, ForgeError)]

    assert talk(script, ask)[0] == []
