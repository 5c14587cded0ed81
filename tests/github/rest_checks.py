"""Check runs, which only apps make, and commit statuses."""

from typing import Any

from tests.github.asked import Answer, Ask, Endpoint, Refused, invalid
from tests.github.project_shapes import check_shape, repository_shape, repository_url, status_shape
from tests.github.records import App, CheckRun, CommitStatus, Repository
from tests.github.told import tell_check

MOST_ANNOTATIONS = 50
LONGEST_TEXT = 65_535


def _app(ask: Ask) -> App:
    installation = ask.caller.installation
    if installation is None:
        raise Refused(403, "You must authenticate via a GitHub App.")
    return installation.app


def _commit(repository: Repository, sha: str) -> str:
    found = repository.store.sha(sha)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    return found


def create(ask: Ask) -> Answer:
    repository = ask.may("checks", "write", role="write")
    app, sent, world = _app(ask), ask.body, ask.world
    for name in ("name", "head_sha"):
        if not sent.get(name):
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    check = CheckRun(
        id=world.new_id(),
        repository=repository,
        app=app,
        suite=world.new_id(),
        name=sent["name"],
        sha=_commit(repository, sent["head_sha"]),
        status="queued",
        conclusion=None,
        started=sent.get("started_at") or world.now(),
        completed=None,
        external_id="",
        details_url=None,
    )
    _apply(ask, check, sent)
    world.checks.append(check)
    tell_check(world, check, "created", ask.caller.user)
    return Answer(status=201, body=check_shape(world, check))


def _apply(ask: Ask, check: CheckRun, sent: dict[str, Any]) -> None:
    output = sent.get("output") or {}
    annotations = output.get("annotations") or []
    if len(annotations) > MOST_ANNOTATIONS:
        raise Refused(422, f"Invalid request.\n\nNo more than 50 items are allowed; {len(annotations)} were supplied.")
    for name in ("summary", "text"):
        if len(output.get(name) or "") > LONGEST_TEXT:
            raise invalid("CheckRun", name, f"{name} exceeds a maximum bytesize of 65535")
    if output and "summary" not in output:
        raise Refused(422, 'Invalid request.\n\n"summary" wasn\'t supplied.')
    for each in annotations:
        _check_annotation(each)
    if sent.get("status") == "completed" and not sent.get("conclusion"):
        raise Refused(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    for name in ("name", "external_id", "details_url", "status", "conclusion"):
        if sent.get(name) is not None:
            setattr(check, name, sent[name])
    if sent.get("conclusion"):
        check.status = "completed"
        check.completed = sent.get("completed_at") or ask.world.now()
    elif sent.get("status"):
        check.conclusion = check.completed = None
    for name in ("title", "summary", "text"):
        if output.get(name) is not None:
            setattr(check, name, output[name])
    check.annotations.extend(annotations)


def _check_annotation(sent: dict[str, Any]) -> None:
    if sent.get("annotation_level") not in ("notice", "warning", "failure"):
        raise Refused(422, "Invalid request.\n\nannotation_level is not a possible value.")
    start, end = sent.get("start_line"), sent.get("end_line")
    if not isinstance(start, int) or not isinstance(end, int) or start > end:
        raise Refused(422, "Invalid request.\n\nend_line must be greater than or equal to start_line.")
    if start != end and ("start_column" in sent or "end_column" in sent):
        raise Refused(422, "Invalid request.\n\nColumns are only allowed on one line.")


def _check(ask: Ask, level: str) -> CheckRun:
    repository = ask.may("checks", level)
    wanted = int(ask.names["check"])
    for each in ask.world.checks:
        if each.id == wanted and each.repository is repository:
            return each
    raise Refused(404, "Not Found")


def update(ask: Ask) -> Answer:
    """Only by the app that made it; annotations are added to those that are there."""
    check = _check(ask, "write")
    if _app(ask) is not check.app:
        raise Refused(403, "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.")
    _apply(ask, check, ask.body)
    if check.status == "completed":
        tell_check(ask.world, check, "completed", ask.caller.user)
    return Answer(body=check_shape(ask.world, check))


def get_check(ask: Ask) -> Answer:
    return Answer(body=check_shape(ask.world, _check(ask, "read")))


def list_annotations(ask: Ask) -> Answer:
    check = _check(ask, "read")
    optional = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    link = f"{ask.world.root}/{check.repository.path}/blob/{check.sha}"
    rows = [{**optional, **each, "blob_href": f"{link}/{each['path']}"} for each in check.annotations]
    shown, headers = ask.page(rows)
    return Answer(body=shown, headers=headers)


def list_of_commit(ask: Ask) -> Answer:
    repository = ask.may("checks", "read")
    sha = _commit(repository, ask.names["sha"])
    name, app = ask.query.get("check_name"), ask.query.get("app_id")
    found = [
        each
        for each in ask.world.checks
        if each.repository is repository
        and each.sha == sha
        and name in (None, each.name)
        and app in (None, str(each.app.id))
    ]
    if ask.query.get("filter", "latest") == "latest":
        found = list({(each.app.id, each.name): each for each in found}.values())
    rows, headers = ask.page([check_shape(ask.world, each) for each in reversed(found)])
    return Answer(body={"total_count": len(found), "check_runs": rows}, headers=headers)


def create_status(ask: Ask) -> Answer:
    repository = ask.may("statuses", "write", role="write")
    sent, world = ask.body, ask.world
    if sent.get("state") not in ("error", "failure", "pending", "success"):
        raise invalid("Status", "state", "state is not included in the list")
    if len(sent.get("description") or "") > 140:
        raise invalid("Status", "description", "description is too long (maximum is 140 characters)")
    status = CommitStatus(
        id=world.new_id(),
        repository=repository,
        sha=_commit(repository, ask.names["sha"]),
        state=sent["state"],
        context=sent.get("context") or "default",
        description=sent.get("description"),
        target_url=sent.get("target_url"),
        creator=ask.caller.user,
        created=world.now(),
    )
    world.statuses.append(status)
    shape = status_shape(world, status)
    return Answer(status=201, body=shape, headers={"Location": shape["url"]})


def _statuses(ask: Ask) -> list[CommitStatus]:
    repository = ask.may("statuses", "read")
    sha = _commit(repository, ask.names["sha"])
    return [each for each in ask.world.statuses if each.repository is repository and each.sha == sha]


def list_statuses(ask: Ask) -> Answer:
    rows, headers = ask.page([status_shape(ask.world, each) for each in reversed(_statuses(ask))])
    return Answer(body=rows, headers=headers)


def combined(ask: Ask) -> Answer:
    """The newest status of each context, and what they come to."""
    newest = {each.context: each for each in _statuses(ask)}.values()
    states = {each.state for each in newest}
    worst = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    repository = ask.may("statuses", "read")
    url = repository_url(ask.world, repository)
    body = {
        "state": worst,
        "sha": ask.names["sha"],
        "total_count": len(newest),
        "statuses": [status_shape(ask.world, each) for each in newest],
        "repository": repository_shape(ask.world, repository),
        "commit_url": f"{url}/commits/{ask.names['sha']}",
        "url": f"{url}/commits/{ask.names['sha']}/status",
    }
    return Answer(body=body)


_REPO = "/repos/{owner}/{repo}"

ROUTES: list[tuple[str, str, Endpoint]] = [
    ("POST", f"{_REPO}/check-runs", create),
    ("GET", f"{_REPO}/check-runs/{{check}}", get_check),
    ("PATCH", f"{_REPO}/check-runs/{{check}}", update),
    ("GET", f"{_REPO}/check-runs/{{check}}/annotations", list_annotations),
    ("GET", f"{_REPO}/commits/{{sha}}/check-runs", list_of_commit),
    ("POST", f"{_REPO}/statuses/{{sha}}", create_status),
    ("GET", f"{_REPO}/commits/{{sha}}/statuses", list_statuses),
    ("GET", f"{_REPO}/commits/{{sha}}/status", combined),
]
