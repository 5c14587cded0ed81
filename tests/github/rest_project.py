"""The app and its installations, people, the repository itself, comparing and reading of it."""

import base64
import time
from datetime import UTC, datetime

from tests.github.asked import Answer, Ask, Endpoint, Refused, permits
from tests.github.git_store import Log
from tests.github.project_shapes import (
    Shape,
    app_shape,
    commit_shape,
    installation_shape,
    public_user_shape,
    repository_shape,
    repository_url,
    user_shape,
)
from tests.github.pull_shapes import file_shape
from tests.github.records import ROLES, App, Installation, Repository, Token, User
from tests.github.rest_pulls import as_diff

MOST_COMPARED_FILES = 300


def _app(ask: Ask) -> App:
    if ask.caller.app is None:
        raise Refused(401, "A JSON web token could not be decoded")
    return ask.caller.app


def get_app(ask: Ask) -> Answer:
    app = _app(ask)
    count = sum(each.app is app for each in ask.world.installations)
    return Answer(body=app_shape(ask.world, app) | {"installations_count": count})


def list_installations(ask: Ask) -> Answer:
    app = _app(ask)
    found = [installation_shape(ask.world, each) for each in ask.world.installations if each.app is app]
    rows, headers = ask.page(found)
    return Answer(body=rows, headers=headers)


def installation_of_repository(ask: Ask) -> Answer:
    app = _app(ask)
    repository = ask.world.repository(ask.names["owner"], ask.names["repo"])
    for each in ask.world.installations:
        if repository is not None and each.app is app and repository.id in each.repositories:
            return Answer(body=installation_shape(ask.world, each))
    raise Refused(404, "Not Found")


def _installation(ask: Ask) -> Installation:
    app = _app(ask)
    wanted = int(ask.names["installation"])
    for each in ask.world.installations:
        if each.id == wanted and each.app is app:
            return each
    raise Refused(404, "Integration not found" if "access_tokens" in ask.path else "Not Found")


def get_installation(ask: Ask) -> Answer:
    return Answer(body=installation_shape(ask.world, _installation(ask)))


def create_token(ask: Ask) -> Answer:
    """A token of the installation, narrowed as asked; never wider than the installation."""
    installation, sent, world = _installation(ask), ask.body, ask.world
    chosen = _chosen(ask, installation)
    wanted = dict(sent.get("permissions") or installation.permissions)
    wanted.setdefault("metadata", "read")
    for name, level in wanted.items():
        if not permits(installation.permissions, name, level):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    token = world.give_token(
        Token(
            text=world.token_text(installation.app),
            user=installation.app.bot,
            installation=installation,
            repositories={each.id for each in chosen} if chosen is not None else None,
            permissions=wanted,
            expires=time.time() + world.token_life_s,
        )
    )
    assert token.expires is not None
    body: Shape = {
        "token": token.text,
        "expires_at": datetime.fromtimestamp(token.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": wanted,
        "repository_selection": "selected",
    }
    if chosen is not None:
        body["repositories"] = [repository_shape(world, each) for each in chosen]
    return Answer(status=201, body=body)


def _chosen(ask: Ask, installation: Installation) -> list[Repository] | None:
    """The repositories a token is narrowed to, or None for all. Errors: Refused."""
    ids, names = ask.body.get("repository_ids"), ask.body.get("repositories")
    if ids is None and names is None:
        return None
    reached = [each for each in ask.world.repositories if each.id in installation.repositories and not each.is_gone]
    chosen = [each for each in reached if each.id in (ids or ()) or each.name in (names or ())]
    if len(chosen) < len(ids or ()) + len(names or ()):
        raise Refused(
            422, "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return chosen


def revoke_token(ask: Ask) -> Answer:
    if ask.caller.installation is None or ask.caller.token is None:
        raise Refused(403, "Resource not accessible by personal access token")
    ask.caller.token.is_revoked = True
    return Answer(status=204)


def list_reached(ask: Ask) -> Answer:
    """The repositories an installation token reaches."""
    token, installation = ask.caller.token, ask.caller.installation
    if token is None or installation is None:
        raise Refused(403, "You must authenticate with an installation access token in order to list repositories")
    reached = installation.repositories if token.repositories is None else token.repositories
    found = [r for r in ask.world.repositories if r.id in reached and not r.is_gone]
    rows, headers = ask.page([repository_shape(ask.world, each) for each in found])
    body = {"total_count": len(found), "repository_selection": "selected", "repositories": rows}
    return Answer(body=body, headers=headers)


def list_mine(ask: Ask) -> Answer:
    """The repositories a person's token reaches, each with what that person may do there."""
    token = ask.caller.token
    if token is None or ask.caller.installation is not None:
        raise Refused(403, "Resource not accessible by integration")
    shapes = []
    for each in ask.world.repositories:
        role = ROLES.index(ask.world.role(each, token.user))
        if role >= ROLES.index("read") and not each.is_gone:
            shapes.append(repository_shape(ask.world, each) | {"permissions": _permissions(role)})
    rows, headers = ask.page(shapes)
    return Answer(body=rows, headers=headers)


def convert_manifest(ask: Ask) -> Answer:
    """The App that was made of a manifest, once for each code; it is the one that stands here."""
    if ask.names["code"] not in ask.world.manifest_codes:
        raise Refused(404, "Not Found")
    ask.world.manifest_codes.discard(ask.names["code"])
    app = ask.world.apps[0]
    secrets = {"client_secret": "not used", "webhook_secret": ask.world.manifest_secret, "pem": app.private_key}
    return Answer(status=201, body=app_shape(ask.world, app) | secrets)


def get_me(ask: Ask) -> Answer:
    if ask.caller.app is not None or ask.caller.installation is not None:
        raise Refused(403, "Resource not accessible by integration")
    if ask.caller.token is None:
        raise Refused(401, "Requires authentication")
    return Answer(body=public_user_shape(ask.world, ask.caller.token.user))


def get_user(ask: Ask) -> Answer:
    found = ask.world.users.get(ask.names["login"])
    if found is None:
        raise Refused(404, "Not Found")
    return Answer(body=public_user_shape(ask.world, found))


def get_repository(ask: Ask) -> Answer:
    repository = ask.may("metadata", "read")
    shape = repository_shape(ask.world, repository, is_full=True)
    if ask.caller.installation is None:
        role = ROLES.index(ask.world.role(repository, ask.caller.user))
        shape["permissions"] = _permissions(role)
    return Answer(body=shape)


def _permissions(role: int) -> dict[str, bool]:
    least = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: role >= ROLES.index(needed) for name, needed in least.items()}


def get_permission(ask: Ask) -> Answer:
    """What a person may do here: "none" for bots, 404 for a name that nobody has."""
    repository = ask.may("metadata", "read")
    own_role = ask.world.role(repository, ask.caller.user)
    if ask.caller.installation is None and ROLES.index(own_role) < ROLES.index("write"):
        raise Refused(403, "Must have push access to view collaborator permission.")
    user: User | None = ask.world.users.get(ask.names["login"])
    if user is None:
        raise Refused(404, f"{ask.names['login']} is not a user")
    role = ask.world.role(repository, user)
    rank = ROLES.index(role)
    old_name = {"maintain": "write", "triage": "read"}.get(role, role)  # the field older than the finer roles
    grants = ("pull", "read"), ("triage", "triage"), ("push", "write"), ("maintain", "maintain"), ("admin", "admin")
    permissions = {name: rank >= ROLES.index(least) for name, least in grants}
    shape = user_shape(ask.world, user) | {"role_name": role, "permissions": permissions}
    return Answer(body={"permission": old_name, "role_name": role, "user": shape})


def compare(ask: Ask) -> Answer:
    """`base...head`, from the merge base; at most 300 files. 404 for a commit that is gone."""
    repository = ask.may("contents", "read")
    names = ask.names["basehead"].split("...")
    ends = [repository.store.sha(name) for name in names]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        raise Refused(404, "Not Found")
    base, head = ends[0], ends[1]
    store, world = repository.store, ask.world
    if not store.are_related(base, head):
        raise Refused(404, f"No common ancestor between {names[0]} and {names[1]}.")
    middle = store.merge_base(base, head)
    ahead, behind = store.log(middle, head), store.log(middle, base)
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    html = f"{world.root}/{repository.path}/compare/{base}...{head}"

    def commit(log: Log) -> Shape:
        return commit_shape(world, repository, log)

    change = world.difference(repository, middle, head)
    if ".diff" in ask.headers.get("accept", ""):
        return as_diff(change, "Comparison")
    page = int(ask.query.get("page", 1))
    size = int(ask.query.get("per_page", 250))
    files = change.files[:MOST_COMPARED_FILES] if page == 1 else ()
    body = {
        "url": f"{repository_url(world, repository)}/compare/{base}...{head}",
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": commit(store.log(None, base)[0]),
        "merge_base_commit": commit(store.log(None, middle)[0]),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [commit(each) for each in ahead[(page - 1) * size : page * size]],
        "files": [file_shape(world, repository, head, file) for file in files],
    }
    return Answer(body=body)


def get_commit(ask: Ask) -> Answer:
    repository = ask.may("contents", "read")
    sha = repository.store.sha(ask.names["sha"])
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {ask.names['sha']}")
    return Answer(body=commit_shape(ask.world, repository, repository.store.log(None, sha)[0]))


def get_content(ask: Ask) -> Answer:
    """A file, in base64; folders are not answered."""
    repository = ask.may("contents", "read")
    path, ref = ask.names["path"], ask.query.get("ref") or repository.default_branch
    sha = repository.store.sha(ref)
    content = repository.store.blob(sha, path) if sha else None
    if content is None:
        raise Refused(404, "Not Found")
    blob = repository.store.run("rev-parse", f"{sha}:{path}").decode().strip()
    url = f"{repository_url(ask.world, repository)}/contents/{path}?ref={ref}"
    html = f"{ask.world.root}/{repository.path}/blob/{ref}/{path}"
    git = f"{repository_url(ask.world, repository)}/git/blobs/{blob}"
    if ".raw" in ask.headers.get("accept", ""):
        return Answer(body=content.decode(errors="replace"), is_text=True)
    body = {
        "type": "file",
        "encoding": "base64",
        "size": len(content),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": base64.encodebytes(content).decode(),
        "sha": blob,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": html.replace("/blob/", "/raw/"),
        "_links": {"git": git, "self": url, "html": html},
    }
    return Answer(body=body)


def get_tree(ask: Ask) -> Answer:
    """A tree, named by its own id, a commit or a ref; with `recursive`, all below it, cut after so many entries."""
    repository = ask.may("contents", "read")
    found = repository.store.tree(ask.names["tree"], is_whole="recursive" in ask.query)
    if found is None:
        raise Refused(404, "Not Found")
    place = f"{repository_url(ask.world, repository)}/git"
    rows = []
    for each in found[: ask.world.most_tree_entries]:
        row: Shape = {"path": each.path, "mode": each.mode, "type": each.kind, "sha": each.sha}
        if each.size is not None:
            row |= {"size": each.size}
        if each.kind != "commit":
            row |= {"url": f"{place}/{each.kind}s/{each.sha}"}
        rows.append(row)
    body = {
        "sha": ask.names["tree"],
        "url": f"{place}/trees/{ask.names['tree']}",
        "tree": rows,
        "truncated": len(rows) < len(found),
    }
    return Answer(body=body)


def get_blob(ask: Ask) -> Answer:
    """The bytes of a file by its id, in base64."""
    repository = ask.may("contents", "read")
    sha = ask.names["sha"]
    content = repository.store.object(sha)
    if content is None:
        raise Refused(404, "Not Found")
    body = {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(content),
        "url": f"{repository_url(ask.world, repository)}/git/blobs/{sha}",
        "content": base64.encodebytes(content).decode(),
        "encoding": "base64",
    }
    return Answer(body=body)


_REPO = "/repos/{owner}/{repo}"

ROUTES: list[tuple[str, str, Endpoint]] = [
    ("GET", "/app", get_app),
    ("GET", "/app/installations", list_installations),
    ("GET", "/app/installations/{installation}", get_installation),
    ("POST", "/app/installations/{installation}/access_tokens", create_token),
    ("DELETE", "/installation/token", revoke_token),
    ("GET", "/installation/repositories", list_reached),
    ("GET", "/user", get_me),
    ("GET", "/user/repos", list_mine),
    ("POST", "/app-manifests/{code}/conversions", convert_manifest),
    ("GET", "/users/{login}", get_user),
    ("GET", _REPO, get_repository),
    ("GET", f"{_REPO}/installation", installation_of_repository),
    ("GET", f"{_REPO}/collaborators/{{login}}/permission", get_permission),
    ("GET", f"{_REPO}/compare/{{basehead:path}}", compare),
    ("GET", f"{_REPO}/commits/{{sha}}", get_commit),
    ("GET", f"{_REPO}/git/trees/{{tree}}", get_tree),
    ("GET", f"{_REPO}/git/blobs/{{sha}}", get_blob),
    ("GET", f"{_REPO}/contents/{{path:path}}", get_content),
]
