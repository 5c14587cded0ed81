"""Every address of the stand-in once, under the judge."""

from typing import Any

from tests.github.asking import ask, signed
from tests.github.door import ROUTES
from tests.github.played import PlayedPull
from tests.github.stand_in import GitHub


class Walk:
    """Asks as the app's installation, and keeps account of the routes it has been to."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self.token = github.installation_token("acme/shop")
        self.left = {(method, path) for method, path, _ in ROUTES}

    def to(self, route: str, *, token: str = "", body: Any = None, expect: int = 200, **names: Any) -> Any:
        """Go to `METHOD /pattern` with these names filled in; what came."""
        method, pattern = route.split(" ")
        whole = {"owner": "acme", "repo": "shop", "number": 1, **names}
        path = pattern.replace(":path}", "}").format(**whole)
        got = ask(self.github, method, path, body, token=token or self.token)
        assert got.status == expect, f"{route}: {got}"
        self.left.discard((method, pattern))
        return got.body


def of_the_project(walk: Walk, pull: PlayedPull) -> None:
    github, repo = walk.github, "/repos/{owner}/{repo}"
    app, ada = signed(github), github.personal_token("ada")
    installation = github.installation("acme/shop").id
    walk.to("GET /app", token=app)
    walk.to("GET /app/installations", token=app)
    walk.to("GET /app/installations/{installation}", token=app, installation=installation)
    place = "POST /app/installations/{installation}/access_tokens"
    made = walk.to(place, token=app, installation=installation, body={}, expect=201)
    walk.to(f"GET {repo}/installation", token=app)
    assert walk.to("GET /installation/repositories")["total_count"] == 1
    walk.to("DELETE /installation/token", token=made["token"], expect=204)
    assert walk.to("GET /user", token=ada)["login"] == "ada"
    assert [each["full_name"] for each in walk.to("GET /user/repos", token=ada)] == ["acme/shop"]
    github.world.manifest_codes.add("once")
    assert walk.to("POST /app-manifests/{code}/conversions", code="once", expect=201)["id"] == github.app.id
    walk.to("GET /users/{login}", login="ada")
    walk.to(f"GET {repo}")
    walk.to(f"GET {repo}/collaborators/{{login}}/permission", login="ada")
    walk.to(f"GET {repo}/compare/{{basehead:path}}", basehead=f"main...{pull.head_sha}")
    walk.to(f"GET {repo}/commits/{{sha}}", sha=pull.head_sha)
    assert walk.to(f"GET {repo}/contents/{{path:path}}", path="old.txt")["size"] == 4
    tree = walk.to(f"GET {repo}/git/trees/{{tree}}", tree=pull.head_sha)
    blob = next(each["sha"] for each in tree["tree"] if each["path"] == "new file.py")
    assert walk.to(f"GET {repo}/git/blobs/{{sha}}", sha=blob)["size"] == 2
    walk.to("POST /graphql", body={"query": "{ viewer { login } }"})


def of_the_conversation(walk: Walk) -> None:
    pulls, issues = "/repos/{owner}/{repo}/pulls", "/repos/{owner}/{repo}/issues"
    assert len(walk.to(f"GET {pulls}")) == 1
    walk.to(f"GET {pulls}/{{number}}")
    walk.to(f"PATCH {pulls}/{{number}}", body={"title": "Better", "body": "Words"})
    walk.to(f"GET {pulls}/{{number}}/files")
    walk.to(f"GET {pulls}/{{number}}/commits")
    walk.to(f"GET {issues}/{{number}}")
    made = walk.to(f"POST {issues}/{{number}}/comments", body={"body": "hello"}, expect=201)
    one = {"comment": made["id"]}
    assert len(walk.to(f"GET {issues}/{{number}}/comments")) == 1
    walk.to(f"GET {issues}/comments/{{comment}}", **one)
    walk.to(f"PATCH {issues}/comments/{{comment}}", body={"body": "hello!"}, **one)
    of_reactions(walk, f"{issues}/{{number}}")
    of_reactions(walk, f"{issues}/comments/{{comment}}", **one)
    walk.to(f"DELETE {issues}/comments/{{comment}}", expect=204, **one)


def of_reactions(walk: Walk, place: str, **names: Any) -> None:
    made = walk.to(f"POST {place}/reactions", body={"content": "eyes"}, expect=201, **names)
    assert walk.to(f"POST {place}/reactions", body={"content": "eyes"}, **names) == made
    assert walk.to(f"GET {place}/reactions", **names) == [made]
    walk.to(f"DELETE {place}/reactions/{{reaction}}", reaction=made["id"], expect=204, **names)


def of_reviews(walk: Walk, pull: PlayedPull) -> None:
    pulls = "/repos/{owner}/{repo}/pulls"
    line = {"path": "shop.py", "line": 10, "side": "RIGHT", "body": "here"}
    review = {"event": "REQUEST_CHANGES", "body": "x", "comments": [line]}
    made = {"review": walk.to(f"POST {pulls}/{{number}}/reviews", body=review)["id"]}
    walk.to(f"GET {pulls}/{{number}}/reviews")
    walk.to(f"GET {pulls}/{{number}}/reviews/{{review}}", **made)
    assert len(walk.to(f"GET {pulls}/{{number}}/reviews/{{review}}/comments", **made)) == 1
    dismissal = {"message": "no longer", "event": "DISMISS"}
    walk.to(f"PUT {pulls}/{{number}}/reviews/{{review}}/dismissals", body=dismissal, **made)
    pending = walk.to(f"POST {pulls}/{{number}}/reviews", body={"comments": [line]})
    walk.to(f"DELETE {pulls}/{{number}}/reviews/{{review}}", review=pending["id"])
    single = {**line, "commit_id": pull.head_sha}
    one = {"comment": walk.to(f"POST {pulls}/{{number}}/comments", body=single, expect=201)["id"]}
    walk.to(f"POST {pulls}/{{number}}/comments/{{comment}}/replies", body={"body": "yes"}, expect=201, **one)
    assert len(walk.to(f"GET {pulls}/{{number}}/comments")) == 3
    walk.to(f"GET {pulls}/comments/{{comment}}", **one)
    walk.to(f"PATCH {pulls}/comments/{{comment}}", body={"body": "there"}, **one)
    of_reactions(walk, f"{pulls}/comments/{{comment}}", **one)
    walk.to(f"DELETE {pulls}/comments/{{comment}}", expect=204, **one)


def of_checks(walk: Walk, pull: PlayedPull) -> None:
    repo = "/repos/{owner}/{repo}"
    sha: dict[str, Any] = {"sha": pull.head_sha}
    note = {"path": "a", "start_line": 1, "end_line": 2, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note]}
    body = {"name": "Mesrai", "head_sha": pull.head_sha, "status": "in_progress", "output": output}
    one = {"check": walk.to(f"POST {repo}/check-runs", body=body, expect=201)["id"]}
    walk.to(f"PATCH {repo}/check-runs/{{check}}", body={"conclusion": "success"}, **one)
    assert walk.to(f"GET {repo}/check-runs/{{check}}", **one)["status"] == "completed"
    assert len(walk.to(f"GET {repo}/check-runs/{{check}}/annotations", **one)) == 1
    assert walk.to(f"GET {repo}/commits/{{sha}}/check-runs", **sha)["total_count"] == 1
    walk.to(f"POST {repo}/statuses/{{sha}}", body={"state": "success", "context": "Mesrai"}, expect=201, **sha)
    assert len(walk.to(f"GET {repo}/commits/{{sha}}/statuses", **sha)) == 1
    assert walk.to(f"GET {repo}/commits/{{sha}}/status", **sha)["state"] == "success"


def test_every_address_answers_as_github_describes_it(github: GitHub, pull: PlayedPull) -> None:
    walk = Walk(github)

    of_the_project(walk, pull)
    of_the_conversation(walk)
    of_reviews(walk, pull)
    of_checks(walk, pull)

    assert walk.left == set()
    assert github.judge is not None
    assert [str(each) for each in github.judge.violations] == []
