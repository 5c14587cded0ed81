"""Pull requests and what is said on them, as the REST interface shows them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.github.diffs import FileDiff
from tests.github.project_shapes import Shape, repository_shape, repository_url, user_shape
from tests.github.records import IssueComment, Pull, Reacted, Repository, Review, ReviewComment, User
from tests.github.world import World


def pull_url(world: World, pull: Pull) -> str:
    return f"{repository_url(world, pull.repository)}/pulls/{pull.number}"


def pull_html(world: World, pull: Pull) -> str:
    return f"{world.root}/{pull.repository.path}/pull/{pull.number}"


def association(world: World, pull: Pull, user: User) -> str:
    """How GitHub says a person is related to the project; no right follows from it."""
    if user is pull.repository.owner:
        return "OWNER"
    role = pull.repository.roles.get(user.login, "none")
    return "NONE" if user.is_bot or role == "none" else "MEMBER" if role == "admin" else "COLLABORATOR"


def _end(world: World, repository: Repository, ref: str, sha: str) -> Shape:
    return {
        "label": f"{repository.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_shape(world, repository.owner),
        "repo": None if repository.is_gone else repository_shape(world, repository),
    }


def pull_shape(world: World, pull: Pull) -> Shape:
    """A pull request with its counts."""
    url = pull_url(world, pull)
    html = pull_html(world, pull)
    issue = url.replace("/pulls/", "/issues/")
    statuses = f"{repository_url(world, pull.repository)}/statuses/{pull.head_sha}"
    change = world.change(pull)
    links = {
        "self": url,
        "html": html,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{repository_url(world, pull.repository)}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": statuses,
    }
    is_open = pull.state == "open"
    return {
        "url": url,
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue,
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": user_shape(world, pull.author),
        "body": pull.body,
        "created_at": pull.created,
        "updated_at": pull.updated,
        "closed_at": pull.closed,
        "merged_at": pull.merged,
        "merge_commit_sha": pull.merge_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [_label(world, pull, name) for name in pull.labels],
        "milestone": None,
        "draft": pull.is_draft,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": statuses,
        "head": _end(world, pull.head_repository, pull.head_ref, pull.head_sha),
        "base": _end(world, pull.repository, pull.base_ref, pull.base_sha),
        "_links": {name: {"href": target} for name, target in links.items()},
        "author_association": association(world, pull, pull.author),
        "auto_merge": None,
        "active_lock_reason": None,
        "merged": pull.merged is not None,
        "mergeable": True if is_open else None,
        "rebaseable": True if is_open else None,
        "mergeable_state": "clean" if is_open else "unknown",
        "merged_by": user_shape(world, pull.merged_by) if pull.merged_by else None,
        "comments": sum(each.pull is pull for each in world.comments),
        "review_comments": sum(each.pull is pull for each in world.review_comments),
        "maintainer_can_modify": False,
        "commits": len(world.commits(pull)),
        "additions": sum(file.additions for file in change.files),
        "deletions": sum(file.deletions for file in change.files),
        "changed_files": len(change.files),
    }


def issue_shape(world: World, pull: Pull) -> Shape:
    """The same pull request seen as an issue."""
    shape = pull_shape(world, pull)
    issue = shape["issue_url"]
    same = (
        "html_url number state locked title user body created_at updated_at closed_at assignee assignees labels "
        "milestone draft comments author_association active_lock_reason id"
    )
    return {
        **{name: shape[name] for name in same.split()},
        "node_id": shape["node_id"],
        "url": issue,
        "repository_url": repository_url(world, pull.repository),
        "labels_url": f"{issue}/labels{{/name}}",
        "comments_url": f"{issue}/comments",
        "events_url": f"{issue}/events",
        "timeline_url": f"{issue}/timeline",
        "state_reason": None,
        "reactions": reactions_shape(world, ("issues", pull.id), issue),
        "performed_via_github_app": None,
        "pull_request": {
            "url": shape["url"],
            "html_url": shape["html_url"],
            "diff_url": shape["diff_url"],
            "patch_url": shape["patch_url"],
            "merged_at": pull.merged,
        },
    }


def _label(world: World, pull: Pull, name: str) -> Shape:
    number = sum(name.encode())
    return {
        "id": number,
        "node_id": f"LA_{number}",
        "url": f"{repository_url(world, pull.repository)}/labels/{name}",
        "name": name,
        "description": None,
        "color": "ededed",
        "default": False,
    }


def file_shape(world: World, repository: Repository, head: str, file: FileDiff, *, is_bare: bool = False) -> Shape:
    """One changed file. Bare: what is left of it when the page has too many lines."""
    place = f"{world.root}/{repository.path}"
    shape: Shape = {
        "sha": file.blob,
        "filename": file.path,
        "status": file.status,
        "additions": 0 if is_bare else file.additions,
        "deletions": 0 if is_bare else file.deletions,
        "changes": 0 if is_bare else file.additions + file.deletions,
        "blob_url": f"{place}/blob/{head}/{file.path}",
        "raw_url": f"{place}/raw/{head}/{file.path}",
        "contents_url": f"{repository_url(world, repository)}/contents/{file.path}?ref={head}",
    }
    if file.patch is not None and not is_bare:
        shape["patch"] = file.patch
    if file.status in ("renamed", "copied"):
        shape["previous_filename"] = file.old_path
    return shape


def comment_shape(world: World, comment: IssueComment) -> Shape:
    """A comment of a conversation."""
    url = f"{repository_url(world, comment.pull.repository)}/issues/comments/{comment.id}"
    return {
        "url": url,
        "html_url": f"{pull_html(world, comment.pull)}#issuecomment-{comment.id}",
        "issue_url": pull_url(world, comment.pull).replace("/pulls/", "/issues/"),
        "id": comment.id,
        "node_id": f"IC_{comment.id}",
        "user": user_shape(world, comment.user),
        "created_at": comment.created,
        "updated_at": comment.updated,
        "author_association": association(world, comment.pull, comment.user),
        "body": comment.body,
        "reactions": reactions_shape(world, ("comments", comment.id), url),
        "performed_via_github_app": None,
    }


def review_shape(world: World, review: Review) -> Shape:
    html = f"{pull_html(world, review.pull)}#pullrequestreview-{review.id}"
    shape: Shape = {
        "id": review.id,
        "node_id": f"PRR_{review.id}",
        "user": user_shape(world, review.user),
        "body": review.body,
        "state": review.state,
        "html_url": html,
        "pull_request_url": pull_url(world, review.pull),
        "author_association": association(world, review.pull, review.user),
        "_links": {"html": {"href": html}, "pull_request": {"href": pull_url(world, review.pull)}},
        "commit_id": review.commit,
    }
    if review.submitted:
        shape["submitted_at"] = review.submitted
    return shape


def review_comment_shape(world: World, comment: ReviewComment) -> Shape:
    """A comment on lines, with where it stands now (null: outdated) and where it stood."""
    pull = comment.pull
    url = f"{repository_url(world, pull.repository)}/pulls/comments/{comment.id}"
    html = f"{pull_html(world, pull)}#discussion_r{comment.id}"
    now = world.stands_at(comment)
    is_on_file = comment.line is None
    before = world.change(pull, comment.commit).file(comment.path)
    shape: Shape = {
        "url": url,
        "position": 1 if is_on_file else _position(world.change(pull).files, comment, now[0] if now else None),
        "original_position": 1 if before is None else _position([before], comment, comment.line) or 1,
        "pull_request_review_id": comment.review.id,
        "id": comment.id,
        "node_id": f"PRRC_{comment.id}",
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "commit_id": pull.head_sha if now or is_on_file else comment.commit,
        "original_commit_id": comment.commit,
        "user": user_shape(world, comment.user),
        "body": comment.body,
        "created_at": comment.created,
        "updated_at": comment.updated,
        "html_url": html,
        "pull_request_url": pull_url(world, pull),
        "author_association": association(world, pull, comment.user),
        "_links": {
            "self": {"href": url},
            "html": {"href": html},
            "pull_request": {"href": pull_url(world, pull)},
        },
        "reactions": reactions_shape(world, ("pulls", comment.id), url),
        "subject_type": comment.subject,
    }
    if is_on_file:  # told as if it stood on the first line
        now = (1, None)
    shape |= {
        "line": now[0] if now else None,
        "original_line": comment.line or 1,
        "start_line": now[1] if now else None,
        "original_start_line": comment.start_line,
        "start_side": comment.start_side,
        "side": comment.side,
    }
    if comment.reply_to:
        shape["in_reply_to_id"] = comment.reply_to
    return shape


def _position(files: Sequence[FileDiff], comment: ReviewComment, line: int | None) -> int | None:
    for file in files:
        row = file.anchors.get((comment.side, line)) if line is not None else None
        if row is not None and comment.path in (file.path, file.old_path):
            return file.position(row)
    return None


def reaction_shape(world: World, reacted: Reacted) -> Shape:
    return {
        "id": reacted.id,
        "node_id": f"REA_{reacted.id}",
        "user": user_shape(world, reacted.user),
        "content": reacted.content,
        "created_at": reacted.created,
    }


def reactions_shape(world: World, on: tuple[str, int], url: str) -> Shape:
    """How often each reaction was given."""
    given: Counter[str] = Counter(each.content for each in world.reactions if each.on == on)
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    counts: dict[str, Any] = {kind: given[kind] for kind in kinds}
    return {"url": f"{url}/reactions", "total_count": sum(given.values()), **counts}
