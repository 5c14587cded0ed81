"""People, apps, repositories and commits as the REST interface shows them."""

from typing import Any

from tests.github.git_store import Log
from tests.github.records import App, CheckRun, CommitStatus, Installation, Repository, User
from tests.github.world import World

Shape = dict[str, Any]

# Of a repository's many addresses: the name of the field and what follows the repository's own address.
_ADDRESSES = """
archive /{archive_format}{/ref}
assignees /assignees{/user}
blobs /git/blobs{/sha}
branches /branches{/branch}
collaborators /collaborators{/collaborator}
comments /comments{/number}
commits /commits{/sha}
compare /compare/{base}...{head}
contents /contents/{+path}
contributors /contributors
deployments /deployments
downloads /downloads
events /events
forks /forks
git_commits /git/commits{/sha}
git_refs /git/refs{/sha}
git_tags /git/tags{/sha}
hooks /hooks
issue_comment /issues/comments{/number}
issue_events /issues/events{/number}
issues /issues{/number}
keys /keys{/key_id}
labels /labels{/name}
languages /languages
merges /merges
milestones /milestones{/number}
notifications /notifications{?since,all,participating}
pulls /pulls{/number}
releases /releases{/id}
stargazers /stargazers
statuses /statuses/{sha}
subscribers /subscribers
subscription /subscription
tags /tags
teams /teams
trees /git/trees{/sha}
"""


def user_shape(world: World, user: User) -> Shape:
    """A simple user."""
    url = f"{world.root}/users/{user.login}"
    return {
        "login": user.login,
        "id": user.id,
        "node_id": f"U_{user.id}",
        "avatar_url": f"{world.root}/avatars/{user.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.root}/{user.login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": user.kind,
        "site_admin": False,
        "user_view_type": "public",
    }


def public_user_shape(world: World, user: User) -> Shape:
    """A user as `GET /user` and `GET /users/{login}` show it."""
    nothing = ("name", "company", "email", "location", "bio", "hireable", "twitter_username")
    return {
        **user_shape(world, user),
        **dict.fromkeys(nothing),
        "blog": "",
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


def repository_url(world: World, repository: Repository) -> str:
    return f"{world.root}/repos/{repository.path}"


def repository_shape(world: World, repository: Repository, *, is_full: bool = False) -> Shape:
    """A repository; the full form has a few counts more."""
    url = repository_url(world, repository)
    html = f"{world.root}/{repository.path}"
    addresses = {}
    for line in _ADDRESSES.split("\n")[1:-1]:
        name, rest = line.split(" ")
        addresses[f"{name}_url"] = url + rest
    is_private = repository.is_private
    counts = ("forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers", "size")
    shape: Shape = {
        **addresses,
        **dict.fromkeys((*counts, "watchers_count"), 0),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
        **dict.fromkeys(("description", "homepage", "language", "license", "mirror_url")),
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": repository.path,
        "private": is_private,
        "visibility": "private" if is_private else "public",
        "owner": user_shape(world, repository.owner),
        "html_url": html,
        "url": url,
        "fork": repository.parent is not None,
        "created_at": repository.created,
        "updated_at": repository.created,
        "pushed_at": repository.created,
        "git_url": f"git:{html.partition(':')[2]}.git",
        "ssh_url": f"git@127.0.0.1:{repository.path}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        "default_branch": repository.default_branch,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
    }
    if is_full:
        shape |= {"network_count": 0, "subscribers_count": 0}
        if repository.parent is not None:
            parent = repository_shape(world, repository.parent)
            shape |= {"parent": parent, "source": parent}
    return shape


def app_shape(world: World, app: App) -> Shape:
    return {
        "id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "node_id": f"A_{app.id}",
        "owner": user_shape(world, app.owner),
        "name": app.name,
        "description": "",
        "external_url": world.root,
        "html_url": f"{world.root}/apps/{app.slug}",
        "created_at": app.created,
        "updated_at": app.created,
        "permissions": app.permissions,
        "events": app.events,
    }


def installation_shape(world: World, installation: Installation) -> Shape:
    app = installation.app
    url = f"{world.root}/app/installations/{installation.id}"
    return {
        "id": installation.id,
        "account": user_shape(world, installation.account),
        "repository_selection": "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{world.root}/installation/repositories",
        "html_url": f"{world.root}/settings/installations/{installation.id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": installation.account.id,
        "target_type": installation.account.kind,
        "permissions": installation.permissions,
        "events": app.events,
        "created_at": installation.created,
        "updated_at": installation.created,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def commit_shape(world: World, repository: Repository, log: Log) -> Shape:
    url = f"{repository_url(world, repository)}/commits/{log.sha}"
    html = f"{world.root}/{repository.path}/commit/{log.sha}"
    person = {"name": "Stand-in", "email": "stand-in@example.com", "date": log.date}
    return {
        "sha": log.sha,
        "node_id": f"C_{log.sha[:12]}",
        "url": url,
        "html_url": html,
        "comments_url": f"{url}/comments",
        "commit": {
            "url": url.replace("/commits/", "/git/commits/"),
            "author": person,
            "committer": person,
            "message": log.message,
            "tree": {"sha": log.tree, "url": f"{repository_url(world, repository)}/git/trees/{log.tree}"},
            "comment_count": 0,
        },
        "author": None,
        "committer": None,
        "parents": [{"sha": sha, "url": url.replace(log.sha, sha), "html_url": html} for sha in log.parents],
    }


def check_shape(world: World, check: CheckRun) -> Shape:
    url = f"{repository_url(world, check.repository)}/check-runs/{check.id}"
    html = f"{world.root}/{check.repository.path}/runs/{check.id}"
    pulls = [p for p in world.pulls if p.repository is check.repository and p.head_sha == check.sha]
    place = {
        "id": check.repository.id,
        "url": repository_url(world, check.repository),
        "name": check.repository.name,
    }
    return {
        "id": check.id,
        "node_id": f"CR_{check.id}",
        "head_sha": check.sha,
        "external_id": check.external_id,
        "url": url,
        "html_url": html,
        "details_url": check.details_url or html,
        "status": check.status,
        "conclusion": check.conclusion,
        "started_at": check.started,
        "completed_at": check.completed,
        "output": {
            "title": check.title,
            "summary": check.summary,
            "text": check.text,
            "annotations_count": len(check.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "name": check.name,
        "check_suite": {"id": check.suite},
        "app": app_shape(world, check.app),
        "pull_requests": [
            {
                "id": pull.id,
                "number": pull.number,
                "url": f"{repository_url(world, pull.repository)}/pulls/{pull.number}",
                "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": place},
                "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": place},
            }
            for pull in pulls
        ],
    }


def status_shape(world: World, status: CommitStatus) -> Shape:
    return {
        "url": f"{repository_url(world, status.repository)}/statuses/{status.sha}",
        "avatar_url": f"{world.root}/avatars/{status.creator.id}",
        "id": status.id,
        "node_id": f"SC_{status.id}",
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": status.created,
        "updated_at": status.created,
        "creator": user_shape(world, status.creator),
    }
