"""The stand-in driven by PyGithub, and the rules it refuses by."""

from typing import Any

import pytest
from tests.github.asking import as_app, ask, changed
from tests.github.played import PlayedPull
from tests.github.stand_in import GitHub

import github as pygithub


def test_pygithub_reads_a_pull_request_and_its_files_as_the_app(github: GitHub, pull: PlayedPull) -> None:
    read = as_app(github).get_repo("acme/shop").get_pull(1)
    files = {each.filename: each for each in read.get_files()}

    assert (read.head.sha, read.base.ref, read.user.login, read.commits) == (pull.head_sha, "main", "ada", 1)
    assert {name: each.status for name, each in files.items()} == {
        "new file.py": "added",
        "old.txt": "removed",
        "shop.py": "modified",
    }
    assert files["new file.py"].patch == "@@ -0,0 +1 @@\n+x"
    assert (files["shop.py"].additions, files["shop.py"].deletions) == (3, 3)


def test_pygithub_posts_a_review_and_talks_in_its_threads(github: GitHub, pull: PlayedPull) -> None:
    repository = as_app(github).get_repo("acme/shop")
    read = repository.get_pull(1)

    read.create_review(
        commit=repository.get_commit(pull.head_sha),
        body="Two things.",
        event="REQUEST_CHANGES",
        comments=[
            {"path": "shop.py", "body": "both", "line": 11, "side": "RIGHT", "start_line": 10, "start_side": "RIGHT"},
            {"path": "old.txt", "body": "why gone?", "line": 1, "side": "LEFT"},
        ],
    )
    first = next(iter(read.get_review_comments()))
    answer = read.create_review_comment_reply(first.id, "Because.")
    first.edit("both of them")
    first.create_reaction("eyes")
    on_file = read.create_review_comment(
        "whole file", repository.get_commit(pull.head_sha), "shop.py", subject_type="file"
    )

    assert next(each.state for each in read.get_reviews()) == "CHANGES_REQUESTED"
    assert [(each.path, each.side, each.start_line, each.line, each.body) for each in pull.review_comments] == [
        ("shop.py", "RIGHT", 10, 11, "both of them"),
        ("old.txt", "LEFT", None, 1, "why gone?"),
        ("shop.py", "RIGHT", 10, 11, "Because."),
        ("shop.py", "RIGHT", None, None, "whole file"),
    ]
    assert answer.in_reply_to_id == first.id
    assert on_file.subject_type == "file"
    assert [(each.content, each.user.login) for each in pull.reactions(pull.review_comments[0])] == [
        ("eyes", "mesrai[bot]")
    ]


def test_pygithub_comments_reacts_and_makes_a_check_as_the_app(github: GitHub, pull: PlayedPull) -> None:
    repository = as_app(github).get_repo("acme/shop")
    read = repository.get_pull(1)
    note = {"path": "shop.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "look"}

    comment = read.create_issue_comment("working")
    comment.edit("done")
    reaction = read.as_issue().create_reaction("rocket")
    read.as_issue().delete_reaction(reaction.id)
    read.as_issue().create_reaction("hooray")
    read.edit(body="described")
    check = repository.create_check_run("Mesrai", pull.head_sha, status="in_progress")
    for _ in range(2):
        output: Any = {"title": "1 finding", "summary": "s", "annotations": [note]}
        check.edit(status="completed", conclusion="neutral", output=output)

    assert [each.body for each in pull.comments] == ["done"]
    assert [each.content for each in pull.reactions()] == ["hooray"]
    assert pull.body == "described"
    assert [each.message for each in check.get_annotations()] == ["look", "look"]
    assert repository.get_commit(pull.head_sha).get_check_runs(check_name="Mesrai")[0].conclusion == "neutral"


def test_pygithub_with_a_personal_token_sets_a_status_but_makes_no_check(github: GitHub, pull: PlayedPull) -> None:
    auth = pygithub.Auth.Token(github.personal_token("ada"))
    client = pygithub.Github(auth=auth, base_url=github.url, seconds_between_requests=0, seconds_between_writes=0)
    repository = client.get_repo("acme/shop")
    commit = repository.get_commit(pull.head_sha)

    commit.create_status("pending", context="Mesrai", description="reviewing")
    commit.create_status("success", context="Mesrai")
    with pytest.raises(pygithub.GithubException) as refused:
        repository.create_check_run("Mesrai", pull.head_sha)

    assert client.get_user().login == "ada"
    assert commit.get_combined_status().state == "success"
    assert refused.value.status == 403
    assert refused.value.message == "You must authenticate via a GitHub App."
    assert repository.get_collaborator_permission("ada") == "write"
    assert repository.get_collaborator_permission("mesrai[bot]") == "none"


def test_pygithub_compares_commits_and_learns_that_one_is_gone(github: GitHub, pull: PlayedPull) -> None:
    repository = as_app(github).get_repo("acme/shop")
    before = pull.head_sha
    after = pull.push({"more.py": "y\n"})
    forced = pull.force_push({"shop.py": changed(1)})

    assert [each.filename for each in repository.compare(before, after).files] == ["more.py"]
    assert repository.compare(after, forced).status == "diverged"
    with pytest.raises(pygithub.UnknownObjectException):
        repository.compare("0" * 40, forced)


def test_a_fork_that_was_deleted_leaves_its_pull_request_behind(github: GitHub) -> None:
    shop = github.repository("acme/shop")
    fork = shop.fork("eve")
    pull = shop.open_pull_request("feature", {"a": "b"}, author="eve", fork=fork)
    fork.vanish()
    pull.edit(title="Still here")

    got = ask(github, "GET", "/repos/acme/shop/pulls/1", token=github.installation_token("acme/shop"))

    assert (got.body["head"]["repo"], got.body["head"]["label"]) == (None, "eve:feature")
    assert got.body["title"] == "Still here"


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ({"path": "shop.py", "line": 30, "side": "RIGHT"}, "Line could not be resolved"),
        ({"path": "shop.py", "side": "RIGHT"}, "Line could not be resolved"),
        ({"path": "nowhere.py", "line": 1, "side": "RIGHT"}, "Path could not be resolved"),
        ({"path": "old.txt", "line": 1, "side": "RIGHT"}, "Line could not be resolved"),
        ({"path": "shop.py", "line": 10, "side": "MIDDLE"}, "Pull request review thread side is not a valid value"),
        (
            {"path": "shop.py", "line": 10, "start_line": 10, "side": "RIGHT"},
            "Pull request review thread start line must precede the end line.",
        ),
        ({"path": "shop.py", "line": 50, "start_line": 30, "side": "RIGHT"}, "Start line could not be resolved"),
        (
            {"path": "shop.py", "line": 50, "start_line": 10, "side": "RIGHT"},
            "Pull request review thread start line must be part of the same hunk as the line.",
        ),
        (
            {"path": "shop.py", "line": 11, "side": "LEFT", "start_line": 10, "start_side": "RIGHT"},
            "",  # from an added line back to a removed one: allowed only in the diff's order
        ),
    ],
)
def test_one_bad_anchor_costs_the_whole_review(
    github: GitHub, pull: PlayedPull, comment: dict[str, Any], words: str
) -> None:
    good = {"path": "shop.py", "line": 10, "side": "RIGHT", "body": "fine"}
    body = {"event": "COMMENT", "body": "x", "comments": [good, {**comment, "body": "bad"}]}

    got = ask(github, "POST", "/repos/acme/shop/pulls/1/reviews", body, token=github.installation_token("acme/shop"))

    assert (got.status, got.body["message"]) == (422, "Unprocessable Entity")
    assert got.body["errors"] == [words or "Pull request review thread start line must precede the end line."]
    assert (pull.reviews, pull.review_comments) == ([], [])


def test_a_single_comment_off_the_diff_is_refused_in_other_words(github: GitHub, pull: PlayedPull) -> None:
    body = {"body": "x", "commit_id": pull.head_sha, "path": "shop.py", "line": 30, "side": "RIGHT"}

    got = ask(github, "POST", "/repos/acme/shop/pulls/1/comments", body, token=github.installation_token("acme/shop"))

    assert got.status == 422
    assert got.body["errors"][0]["field"] == "pull_request_review_thread.line"


@pytest.mark.parametrize("event", ["APPROVE", "REQUEST_CHANGES"])
def test_nobody_judges_their_own_pull_request(github: GitHub, pull: PlayedPull, event: str) -> None:
    body = {"event": event, "body": "mine"}

    got = ask(github, "POST", "/repos/acme/shop/pulls/1/reviews", body, token=github.personal_token("ada"))

    assert got.status == 422
    assert "your own pull request" in got.body["errors"][0]


def test_a_pending_review_is_seen_by_its_author_only_and_is_the_only_one(github: GitHub, pull: PlayedPull) -> None:
    token, place = github.installation_token("acme/shop"), "/repos/acme/shop/pulls/1/reviews"

    first = ask(github, "POST", place, {"body": "later"}, token=token)
    second = ask(github, "POST", place, {"body": "later"}, token=token)

    assert (first.body["state"], second.status) == ("PENDING", 422)
    assert len(ask(github, "GET", place, token=token).body) == 1
    assert ask(github, "GET", place, token=github.personal_token("ada")).body == []


def test_51_annotations_are_one_too_many(github: GitHub, pull: PlayedPull) -> None:
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 51}
    body = {"name": "Mesrai", "head_sha": pull.head_sha, "output": output}

    got = ask(github, "POST", "/repos/acme/shop/check-runs", body, token=github.installation_token("acme/shop"))

    assert got.status == 422
    assert "No more than 50 items are allowed; 51 were supplied." in got.body["message"]
    assert github.judge is not None
    github.judge.violations.clear()  # GitHub's description says so too


def test_files_come_in_pages_and_a_page_with_too_many_lines_is_cut_silently(github: GitHub) -> None:
    shop = github.repository("acme/shop")
    shop.open_pull_request("big", {f"{at:03}.txt": "x\n" * 7000 for at in range(4)})
    token, place = github.installation_token("acme/shop"), "/repos/acme/shop/pulls/1/files"

    whole = ask(github, "GET", f"{place}?per_page=100", token=token)
    second = ask(github, "GET", f"{place}?per_page=2&page=2", token=token)

    assert ["patch" in each for each in whole.body] == [True, True, False, False]
    assert whole.body[2]["changes"] == 0
    assert [each["filename"] for each in second.body] == ["002.txt", "003.txt"]
    assert all("patch" in each for each in second.body)
    assert 'rel="prev"' in second.headers["link"]
    assert 'rel="next"' not in second.headers["link"]


def test_the_diff_of_over_300_files_is_refused(github: GitHub) -> None:
    shop = github.repository("acme/shop")
    shop.open_pull_request("wide", {f"{at}.txt": "x\n" for at in range(301)})
    token, diff = github.installation_token("acme/shop"), "application/vnd.github.diff"

    got = ask(github, "GET", "/repos/acme/shop/pulls/1", token=token, accept=diff)

    assert got.status == 406


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"shop.py": changed(10, 11, 50) + "more\n"}, 10),  # it stays
        ({"shop.py": "first\n" + changed(10, 11, 50)}, 11),  # it moves down
        ({"shop.py": changed(11, 50)}, None),  # the line is as it was: no longer part of the change
        ({"shop.py": changed(10, 11, 50).replace("line 10 changed", "line ten")}, None),  # it was changed again
        ({"shop.py": None}, None),
        ({"shop.py": None, "till.py": changed(10, 11, 50)}, 10),  # it moves with its file
    ],
)
def test_a_comment_moves_with_its_line_or_is_outdated(
    github: GitHub, pull: PlayedPull, files: dict[str, str | None], where: int | None
) -> None:
    token = github.installation_token("acme/shop")
    body = {"body": "x", "commit_id": pull.head_sha, "path": "shop.py", "line": 10, "side": "RIGHT"}
    made = ask(github, "POST", "/repos/acme/shop/pulls/1/comments", body, token=token)

    pull.push(files)
    now = ask(github, "GET", f"/repos/acme/shop/pulls/comments/{made.body['id']}", token=token)

    assert (now.body["line"], now.body["original_line"]) == (where, 10)
    assert pull.line_of(pull.review_comments[0]) == where
