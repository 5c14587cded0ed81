"""Pull requests, their conversations and their files."""

from typing import Any

from tests.github.anchoring import LONGEST_BODY
from tests.github.asked import Answer, Ask, Endpoint, Refused, invalid
from tests.github.diffs import Difference
from tests.github.project_shapes import commit_shape
from tests.github.pull_shapes import comment_shape, file_shape, issue_shape, pull_shape
from tests.github.records import IssueComment
from tests.github.told import tell_comment, tell_pull

MOST_FILES = 3000
MOST_LINES_OF_A_PAGE = 20_000  # past them rows come bare, and nothing says so
MOST_FILES_OF_A_DIFF = 300
MOST_LINES_OF_A_DIFF = 20_000
MOST_BYTES_OF_A_DIFF = 1_000_000
SPEAK = "pull_requests|issues"


def get_pull(ask: Ask) -> Answer:
    """The pull request; or its difference, to whoever accepts that."""
    pull = ask.pull()
    if "vnd.github" in ask.headers.get("accept", "") and ".diff" in ask.headers["accept"]:
        change = ask.world.change(pull)
        return as_diff(change, "PullRequest")
    return Answer(body=pull_shape(ask.world, pull))


def as_diff(change: Difference, resource: str) -> Answer:
    """The difference as text, if GitHub would give it. Errors: Refused."""
    if len(change.files) > MOST_FILES_OF_A_DIFF:
        too_many = "Sorry, the diff exceeded the maximum number of files (300)."
        raise Refused(406, too_many, [{"resource": resource, "field": "diff", "code": "too_large"}])
    lines = sum(len(file.rows) for file in change.files)
    if lines > MOST_LINES_OF_A_DIFF or len(change.raw) > MOST_BYTES_OF_A_DIFF:
        too_long = f"Sorry, the diff exceeded the maximum number of lines ({MOST_LINES_OF_A_DIFF})."
        raise Refused(406, too_long, [{"resource": resource, "field": "diff", "code": "too_large"}])
    return Answer(body=change.raw, is_text=True)


def edit_pull(ask: Ask) -> Answer:
    """Title, body, state or base. An app may do it with the permission, a person with the role or as author."""
    pull, sent, user = ask.pull(level="write"), ask.body, ask.caller.user
    if ask.caller.installation is None and user is not pull.author:
        ask.may("pull_requests", "write", role="triage")
    changes: dict[str, Any] = {}
    for name in ("title", "body"):
        if name in sent and sent[name] != getattr(pull, name):
            if len(sent[name] or "") > LONGEST_BODY:
                raise invalid("PullRequest", name, f"{name} is too long (maximum is 65536 characters)")
            changes[name] = {"from": getattr(pull, name) or ""}
            setattr(pull, name, sent[name])
    if sent.get("state") in ("open", "closed") and sent["state"] != pull.state:
        pull.state = sent["state"]
        pull.closed = ask.world.now() if pull.state == "closed" else None
        tell_pull(ask.world, pull, "closed" if pull.state == "closed" else "reopened", user)
    pull.updated = ask.world.now()
    if changes:
        tell_pull(ask.world, pull, "edited", user, changes=changes)
    return Answer(body=pull_shape(ask.world, pull))


def list_pulls(ask: Ask) -> Answer:
    repository = ask.may("pull_requests", "read")
    wanted = ask.query.get("state", "open")
    found = [p for p in ask.world.pulls if p.repository is repository and wanted in (p.state, "all")]
    if head := ask.query.get("head"):
        found = [p for p in found if head == f"{p.head_repository.owner.login}:{p.head_ref}"]
    rows, headers = ask.page([pull_shape(ask.world, each) for each in reversed(found)])
    return Answer(body=rows, headers=headers)


def list_files(ask: Ask) -> Answer:
    """The files, with patches as git made them; cut the way GitHub cuts them."""
    pull = ask.pull()
    files, headers = ask.page(list(ask.world.change(pull).files[:MOST_FILES]))
    lines = 0
    rows = []
    for file in files:
        lines += len(file.rows)
        is_bare = lines > MOST_LINES_OF_A_PAGE
        rows.append(file_shape(ask.world, pull.repository, pull.head_sha, file, is_bare=is_bare))
    return Answer(body=rows, headers=headers)


def list_commits(ask: Ask) -> Answer:
    pull = ask.pull()
    log = ask.world.commits(pull)[:250]
    rows, headers = ask.page([commit_shape(ask.world, pull.repository, each) for each in log])
    return Answer(body=rows, headers=headers)


def get_issue(ask: Ask) -> Answer:
    return Answer(body=issue_shape(ask.world, ask.pull(SPEAK)))


def _text(ask: Ask) -> str:
    body = ask.body.get("body")
    if not body or not isinstance(body, str):
        raise invalid("IssueComment", "body", "body can't be blank", "missing_field")
    if len(body) > LONGEST_BODY:
        raise invalid("IssueComment", "body", "body is too long (maximum is 65536 characters)", "unprocessable")
    return body


def create_comment(ask: Ask) -> Answer:
    pull, body, now = ask.pull(SPEAK, "write"), _text(ask), ask.world.now()
    comment = IssueComment(id=ask.world.new_id(), pull=pull, user=ask.caller.user, body=body, created=now, updated=now)
    ask.world.comments.append(comment)
    tell_comment(ask.world, comment, "created")
    shape = comment_shape(ask.world, comment)
    return Answer(status=201, body=shape, headers={"Location": shape["url"]})


def list_comments(ask: Ask) -> Answer:
    pull = ask.pull(SPEAK)
    found = [each for each in ask.world.comments if each.pull is pull]
    rows, headers = ask.page([comment_shape(ask.world, each) for each in found])
    return Answer(body=rows, headers=headers)


def _comment(ask: Ask, level: str) -> IssueComment:
    repository = ask.may(SPEAK, level)
    wanted = int(ask.names["comment"])
    for each in ask.world.comments:
        if each.id == wanted and each.pull.repository is repository:
            return each
    raise Refused(404, "Not Found")


def get_comment(ask: Ask) -> Answer:
    return Answer(body=comment_shape(ask.world, _comment(ask, "read")))


def edit_comment(ask: Ask) -> Answer:
    """One's own; other people's only with the role for it."""
    comment = _comment(ask, "write")
    if ask.caller.user is not comment.user:
        if ask.caller.installation is not None:
            raise Refused(403, "Resource not accessible by integration")
        ask.may(SPEAK, "write", role="write")
    before = comment.body
    comment.body, comment.updated = _text(ask), ask.world.now()
    tell_comment(ask.world, comment, "edited", changes={"body": {"from": before}})
    return Answer(body=comment_shape(ask.world, comment))


def delete_comment(ask: Ask) -> Answer:
    comment = _comment(ask, "write")
    ask.world.comments.remove(comment)
    tell_comment(ask.world, comment, "deleted")
    return Answer(status=204)


_REPO = "/repos/{owner}/{repo}"
_ONE = f"{_REPO}/issues/comments/{{comment}}"

ROUTES: list[tuple[str, str, Endpoint]] = [
    ("GET", f"{_REPO}/pulls", list_pulls),
    ("GET", f"{_REPO}/pulls/{{number}}", get_pull),
    ("PATCH", f"{_REPO}/pulls/{{number}}", edit_pull),
    ("GET", f"{_REPO}/pulls/{{number}}/files", list_files),
    ("GET", f"{_REPO}/pulls/{{number}}/commits", list_commits),
    ("GET", f"{_REPO}/issues/{{number}}", get_issue),
    ("POST", f"{_REPO}/issues/{{number}}/comments", create_comment),
    ("GET", f"{_REPO}/issues/{{number}}/comments", list_comments),
    ("GET", _ONE, get_comment),
    ("PATCH", _ONE, edit_comment),
    ("DELETE", _ONE, delete_comment),
]
