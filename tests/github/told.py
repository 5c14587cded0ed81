"""Events as webhooks tell them: the payloads, made of the same shapes as the REST interface's."""

from typing import Any

from tests.github.project_shapes import check_shape, installation_shape, repository_shape, user_shape
from tests.github.pull_shapes import comment_shape, issue_shape, pull_shape, review_comment_shape, review_shape
from tests.github.records import CheckRun, Installation, IssueComment, Pull, Repository, Review, ReviewComment, User
from tests.github.world import Emitted, World


def _around(world: World, repository: Repository, sender: User) -> dict[str, Any]:
    around: dict[str, Any] = {
        "repository": repository_shape(world, repository),
        "sender": user_shape(world, sender),
    }
    if repository.owner.is_organisation:
        owner, url = repository.owner, f"{world.root}/orgs/{repository.owner.login}"
        around["organization"] = {
            "login": owner.login,
            "id": owner.id,
            "node_id": f"O_{owner.id}",
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"{world.root}/avatars/{owner.id}",
            "description": "",
        }
    for installation in world.installations:
        if repository.id in installation.repositories:
            around["installation"] = {"id": installation.id, "node_id": f"MDIz{installation.id}"}
    return around


def tell_pull(world: World, pull: Pull, action: str, sender: User, **more: Any) -> None:
    """pull_request. `more`: before and after of a push, changes of an edit."""
    payload = {"action": action, "number": pull.number, "pull_request": pull_shape(world, pull), **more}
    world.emit(Emitted(event="pull_request", payload=payload | _around(world, pull.repository, sender)))


def tell_comment(world: World, comment: IssueComment, action: str, **more: Any) -> None:
    """issue_comment; it has no commit in it."""
    payload = {
        "action": action,
        "issue": issue_shape(world, comment.pull),
        "comment": comment_shape(world, comment),
        **more,
    }
    around = _around(world, comment.pull.repository, comment.user)
    world.emit(Emitted(event="issue_comment", payload=payload | around))


def _bare_pull(world: World, pull: Pull) -> dict[str, Any]:
    # These two events carry the pull request without its counts.
    counts = "merged mergeable rebaseable mergeable_state merged_by comments review_comments maintainer_can_modify"
    left_out = {*counts.split(), "commits", "additions", "deletions", "changed_files"}
    return {name: value for name, value in pull_shape(world, pull).items() if name not in left_out}


def tell_review(world: World, review: Review) -> None:
    """pull_request_review submitted; the state is in small letters there."""
    shape = review_shape(world, review) | {"state": review.state.lower(), "updated_at": review.submitted}
    payload = {"action": "submitted", "review": shape, "pull_request": _bare_pull(world, review.pull)}
    around = _around(world, review.pull.repository, review.user)
    world.emit(Emitted(event="pull_request_review", payload=payload | around))


def tell_review_comment(world: World, comment: ReviewComment, action: str, **more: Any) -> None:
    """pull_request_review_comment."""
    payload = {
        "action": action,
        "comment": review_comment_shape(world, comment),
        "pull_request": _bare_pull(world, comment.pull),
        **more,
    }
    around = _around(world, comment.pull.repository, comment.user)
    world.emit(Emitted(event="pull_request_review_comment", payload=payload | around))


def tell_thread(world: World, root: ReviewComment, action: str, sender: User) -> None:
    """pull_request_review_thread resolved, or unresolved."""
    thread = [each for each in world.review_comments if each.root == root.id]
    payload = {
        "action": action,
        "thread": {
            "node_id": f"PRRT_{root.id}",
            "comments": [review_comment_shape(world, each) for each in thread],
        },
        "pull_request": _bare_pull(world, root.pull),
    }
    around = _around(world, root.pull.repository, sender)
    world.emit(Emitted(event="pull_request_review_thread", payload=payload | around))


def tell_check(world: World, check: CheckRun, action: str, sender: User) -> None:
    """check_run; `rerequested` when somebody asks for it again."""
    payload = {"action": action, "check_run": check_shape(world, check)}
    world.emit(Emitted(event="check_run", payload=payload | _around(world, check.repository, sender)))


def tell_push(world: World, repository: Repository, branch: str, before: str, after: str, sender: User) -> None:
    """push to a branch."""
    place = f"{world.root}/{repository.path}"
    person = {"name": sender.login, "email": "stand-in@example.com", "username": sender.login}
    log = repository.store.log(None, after)[-1]
    files = world.difference(repository, before, after).files
    names = {kind: [f.path for f in files if f.status == kind] for kind in ("added", "removed", "modified")}
    commit = {
        "id": after,
        "tree_id": log.tree,
        "distinct": True,
        "message": log.message,
        "timestamp": log.date,
        "url": f"{place}/commit/{after}",
        "author": person,
        "committer": person,
        **names,
    }
    payload = {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "pusher": {"name": sender.login, "email": "stand-in@example.com"},
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"{place}/compare/{before[:12]}...{after[:12]}",
        "commits": [commit],
        "head_commit": commit,
    }
    around = _around(world, repository, sender)
    around["repository"] |= {"created_at": 1700000000, "pushed_at": 1700000000}
    world.emit(Emitted(event="push", payload=payload | around))


def tell_installation(world: World, installation: Installation, action: str, sender: User) -> None:
    """installation created or deleted."""
    chosen = [each for each in world.repositories if each.id in installation.repositories]
    payload = {
        "action": action,
        "installation": installation_shape(world, installation),
        "repositories": [_short(each) for each in chosen],
        "requester": None,
        "sender": user_shape(world, sender),
    }
    world.emit(Emitted(event="installation", payload=payload))


def tell_repositories(world: World, installation: Installation, *, added: list[Repository], sender: User) -> None:
    """installation_repositories added."""
    payload = {
        "action": "added",
        "installation": installation_shape(world, installation),
        "repository_selection": "selected",
        "repositories_added": [_short(each) for each in added],
        "repositories_removed": [],
        "requester": None,
        "sender": user_shape(world, sender),
    }
    world.emit(Emitted(event="installation_repositories", payload=payload))


def tell_ping(world: World, sender: User) -> None:
    """ping, as after a webhook was made."""
    app = world.apps[0]
    hook = {
        "type": "App",
        "id": 1,
        "name": "web",
        "active": True,
        "events": app.events,
        "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": "https://example.com"},
        "created_at": app.created,
        "updated_at": app.created,
        "app_id": app.id,
    }
    world.emit(Emitted(event="ping", payload={"zen": "Keep it logically awesome.", "hook_id": 1, "hook": hook}))


def _short(repository: Repository) -> dict[str, Any]:
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": repository.path,
        "private": repository.is_private,
    }
