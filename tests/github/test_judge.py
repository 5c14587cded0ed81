"""What goes in and out of the stand-in against what GitHub publishes: REST, GraphQL and webhooks."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLNonNull, is_object_type
from tests.github.asking import ask, changed
from tests.github.exchange import Exchange
from tests.github.fetch import DESCRIPTION, SCHEMA
from tests.github.graph import schema
from tests.github.judge import faults_of_query, published_schema
from tests.github.played import PlayedPull
from tests.github.stand_in import GitHub, running_github

published = pytest.mark.skipif(not DESCRIPTION.exists() or not SCHEMA.exists(), reason="tests/github/fetch.py not run")


THREADS = """
query ($after: String) {
  repository(owner: "acme", name: "shop") { pullRequest(number: 1) { reviewThreads(first: 1, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id isResolved isOutdated path line comments(first: 50) {
      nodes { fullDatabaseId body author { __typename login } } } }
  } } }
}
"""
RESOLVE = "mutation ($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"


def test_threads_are_read_page_by_page_and_settled(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")
    comments = [{"path": "shop.py", "line": at, "side": "RIGHT", "body": f"at {at}"} for at in (10, 50)]
    review = {"event": "COMMENT", "body": "x", "comments": comments}
    ask(github, "POST", "/repos/acme/shop/pulls/1/reviews", review, token=token)
    pull.reply("ada", pull.review_comments[0], "no")
    pull.push({"shop.py": changed(11, 50)})

    def query(text: str, **variables: Any) -> Any:
        return ask(github, "POST", "/graphql", {"query": text, "variables": variables}, token=token).body["data"]

    first = query(THREADS)["repository"]["pullRequest"]["reviewThreads"]
    second = query(THREADS, after=first["pageInfo"]["endCursor"])["repository"]["pullRequest"]["reviewThreads"]
    settled = query(RESOLVE, id=second["nodes"][0]["id"])

    assert (first["nodes"][0]["isOutdated"], first["nodes"][0]["line"]) == (True, None)
    assert [(each["body"], each["author"]) for each in first["nodes"][0]["comments"]["nodes"]] == [
        ("at 10", {"__typename": "Bot", "login": "mesrai"}),
        ("no", {"__typename": "User", "login": "ada"}),
    ]
    assert (second["nodes"][0]["line"], second["pageInfo"]["hasNextPage"]) == (50, False)
    assert settled["resolveReviewThread"]["thread"]["isResolved"] is True
    assert [pull.is_resolved(each) for each in pull.review_comments] == [False, True, False]


def test_graphql_says_what_is_wrong_with_status_200(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop", {"pull_requests": "read"})
    gone = '{ repository(owner: "acme", name: "nowhere") { id } }'

    unknown = ask(github, "POST", "/graphql", {"query": gone}, token=token)
    forbidden = ask(github, "POST", "/graphql", {"query": RESOLVE, "variables": {"id": "PRRT_1"}}, token=token)
    nobody = ask(github, "POST", "/graphql", {"query": gone})

    assert (unknown.status, unknown.body["errors"][0]["type"]) == (200, "NOT_FOUND")
    assert unknown.body["data"] == {"repository": None}
    assert forbidden.body["errors"][0]["type"] == "NOT_FOUND"
    assert nobody.status == 401


@published
def test_the_types_of_the_stand_in_are_part_of_githubs_schema() -> None:
    theirs = published_schema()
    for name, ours in schema().type_map.items():
        if name.startswith("__") or not is_object_type(ours):
            continue
        fields = theirs.type_map[name].fields  # type: ignore[attr-defined]
        for field, shape in ours.fields.items():
            assert str(fields[field].type) == str(shape.type), f"{name}.{field}"
            needed = {arg for arg, each in fields[field].args.items() if isinstance(each.type, GraphQLNonNull)}
            assert needed <= set(shape.args) <= set(fields[field].args), f"{name}.{field}"


@published
def test_a_query_is_held_against_githubs_whole_schema() -> None:
    assert faults_of_query(THREADS) == []
    assert faults_of_query("{ viewer { surname } }") != []
    assert "Syntax Error" in faults_of_query("{")[0]


@published
def test_the_block_fails_on_a_request_github_does_not_describe(tmp_path: Path) -> None:
    def unheard_of() -> None:
        with running_github(tmp_path) as github:
            github.repository("acme/shop").open_pull_request("feature", {"a": "b"})
            body = {"body": "x", "colour": "red"}
            token = github.installation_token("acme/shop")
            ask(github, "POST", "/repos/acme/shop/issues/1/comments", body, token=token)

    with pytest.raises(AssertionError, match="field 'colour' is not described"):
        unheard_of()


@published
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/repos/acme/shop/pulls/1/reviews", {"event": "APPLAUD"}),
        ("POST", "/repos/acme/shop/pulls/1/comments", {"path": "shop.py", "body": "x", "line": 10}),
        ("POST", "/repos/acme/shop/issues/1/reactions", {"content": "party"}),
        ("POST", "/repos/acme/shop/issues/1/comments", {}),
        ("PUT", "/repos/acme/shop/pulls/1/reviews", {}),
    ],
)
def test_the_judge_sees_wrong_requests(github: GitHub, pull: PlayedPull, method: str, path: str, body: Any) -> None:
    assert github.judge is not None
    ask(github, method, path, body, token=github.installation_token("acme/shop"))

    assert [each.what for each in github.judge.violations][:1] == ["request"]
    github.judge.violations.clear()


def test_every_event_is_told_as_github_describes_it(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")
    line = {"path": "shop.py", "line": 10, "side": "RIGHT", "body": "here"}
    review = {"event": "COMMENT", "body": "x", "comments": [line]}
    ask(github, "POST", "/repos/acme/shop/pulls/1/reviews", review, token=token)
    check = {"name": "Mesrai", "head_sha": pull.head_sha, "conclusion": "success"}
    ask(github, "POST", "/repos/acme/shop/check-runs", check, token=token)
    shop = github.repository("acme/shop2")
    pull.say("ada", "hello")
    pull.reply("ada", pull.review_comments[0], "there")
    pull.settle("ada", pull.review_comments[0])
    pull.rerun(github.world.checks[0])
    pull.edit(title="Another", body="words")
    pull.label("urgent")
    pull.draft()
    pull.ready()
    pull.push({"shop.py": changed(1)})
    pull.close()
    pull.reopen()
    pull.record.repository.store.point("refs/heads/next", (shop.store.sha("main") and pull.record.base_sha) or "")
    pull.retarget("next")
    pull.merge(by="ada")
    shop.push({"a": "b"})
    shop.uninstall()
    github.ping()

    told = {f"{each.event} {each.action}".strip() for each in github.deliveries}

    assert told >= {
        "check_run created", "check_run rerequested", "installation created", "installation deleted",
        "installation_repositories added", "issue_comment created", "ping", "pull_request closed",
        "pull_request converted_to_draft", "pull_request edited", "pull_request labeled", "pull_request opened",
        "pull_request ready_for_review", "pull_request reopened", "pull_request synchronize",
        "pull_request_review submitted", "pull_request_review_comment created",
        "pull_request_review_thread resolved", "push",
    }  # fmt: skip
    assert github.judge is not None
    assert [str(each) for each in github.judge.violations] == []


def test_a_comment_on_a_pull_request_carries_no_commit(github: GitHub, pull: PlayedPull) -> None:
    pull.say("ada", "@mesrai review")
    payload = github.deliveries[-1].payload

    assert pull.head_sha not in json.dumps(payload)
    assert payload["issue"]["pull_request"]["url"].endswith("/repos/acme/shop/pulls/1")
    assert payload["installation"]["id"] == github.installation("acme/shop").id


@published
@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (200, {"id": 1}, "'node_id' is a required property"),
        (201, {}, "Unknown response http status: 201"),
        (403, {"message": 1}, "1 is not of type 'string'"),
    ],
)
def test_the_judge_sees_wrong_answers(github: GitHub, status: int, answer: object, why: str) -> None:
    judge = github.judge
    assert judge is not None
    exchange = Exchange(
        method="GET",
        path="/repos/acme/shop/issues/comments/1",
        query={},
        headers={},
        raw=b"",
        status=status,
        answer_headers={"content-type": "application/json"},
        answer=json.dumps(answer).encode(),
    )

    judge.see(exchange)

    assert {each.what for each in judge.violations} == {"response"}
    assert why in judge.violations[0].why
    judge.violations.clear()


@published
def test_the_judge_sees_a_wrong_event(github: GitHub) -> None:
    judge = github.judge
    assert judge is not None
    judge.see_event("pull_request", {"action": "opened", "number": "1"})

    assert any("'1' is not of type 'integer'" in each.why for each in judge.violations)
    judge.violations.clear()
