"""Who may do what on the stand-in, by REST and by git."""

import time
from pathlib import Path
from typing import Any

import jwt
from tests.github.asking import LINES, ask, changed, git, signed
from tests.github.played import PlayedPull
from tests.github.stand_in import GitHub


def test_the_app_is_known_by_a_token_it_signed_itself(github: GitHub) -> None:
    good = ask(github, "GET", "/app", token=signed(github, iss=github.app.client_id))
    old = ask(github, "GET", "/app", token=signed(github, exp=int(time.time()) - 1))
    long = ask(github, "GET", "/app", token=signed(github, exp=int(time.time()) + 3600))
    forged = ask(github, "GET", "/app", token=jwt.encode({"iss": str(github.app.id)}, "x" * 32, algorithm="HS256"))
    nobody = ask(github, "GET", "/app")

    assert (good.status, good.body["slug"]) == (200, "mesrai")
    assert [each.status for each in (old, long, forged, nobody)] == [401, 401, 401, 401]


def test_an_installation_token_reaches_what_it_was_narrowed_to(github: GitHub, pull: PlayedPull) -> None:
    github.repository("acme/till")
    github.repository("other/shop")
    place = f"/app/installations/{github.installation('acme/shop').id}/access_tokens"
    narrow = {"repositories": ["shop"], "permissions": {"pull_requests": "read", "contents": "read"}}

    got = ask(github, "POST", place, narrow, token=signed(github))
    token = got.body["token"]
    wider = ask(github, "POST", place, {"permissions": {"contents": "write"}}, token=signed(github))
    strange = ask(github, "POST", place, {"repositories": ["nowhere"]}, token=signed(github))

    def status(method: str, path: str, body: Any = None) -> int:
        return ask(github, method, path, body, token=token).status

    assert got.body["permissions"] == {"pull_requests": "read", "contents": "read", "metadata": "read"}
    assert (wider.status, strange.status) == (422, 422)
    assert status("GET", "/repos/acme/shop/pulls/1") == 200
    assert status("GET", "/repos/acme/till/pulls") == 404
    assert status("GET", "/repos/other/shop/pulls") == 404
    assert status("POST", "/repos/acme/shop/issues/1/comments", {"body": "x"}) == 403
    assert status("GET", "/user") == 403
    github.expire_tokens()
    assert status("GET", "/repos/acme/shop/pulls/1") == 401


def test_tokens_can_be_of_the_long_form_and_run_out_by_themselves(github: GitHub, pull: PlayedPull) -> None:
    place = f"/app/installations/{github.installation('acme/shop').id}/access_tokens"
    github.world.stateless_tokens = True

    long = ask(github, "POST", place, token=signed(github)).body["token"]
    github.world.token_life_s = -1
    old = ask(github, "POST", place, token=signed(github)).body["token"]

    assert len(long) > 500
    assert long.count(".") == 2
    assert ask(github, "GET", "/repos/acme/shop", token=long).status == 200
    assert ask(github, "GET", "/repos/acme/shop", token=old).status == 401


def test_a_workflow_token_may_make_checks_but_is_no_person(github: GitHub, pull: PlayedPull) -> None:
    token = github.actions_token("acme/shop")
    body = {"name": "Mesrai", "head_sha": pull.head_sha}

    made = ask(github, "POST", "/repos/acme/shop/check-runs", body, token=token)

    assert (made.status, made.body["app"]["slug"]) == (201, "github-actions")
    assert ask(github, "GET", "/user", token=token).status == 403


def test_a_project_that_is_gone_and_a_person_without_a_role_get_404(github: GitHub, pull: PlayedPull) -> None:
    token, stranger = github.installation_token("acme/shop"), github.personal_token("eve")
    seen = ask(github, "GET", "/repos/acme/shop/pulls/1", token=stranger).status

    github.repository("acme/public", is_private=False)
    public = ask(github, "GET", "/repos/acme/public", token=stranger).status
    with github.world.lock:
        github.world.pulls[0].repository.is_gone = True

    assert (seen, public) == (404, 200)
    assert ask(github, "GET", "/repos/acme/shop/pulls/1", token=token).status == 404


def test_git_fetches_the_pull_request_of_a_fork_partially_with_a_token(github: GitHub, tmp_path: Path) -> None:
    shop = github.repository("acme/shop", {"shop.py": LINES})
    fork = shop.fork("eve")
    pull = shop.open_pull_request("feature", {"big.bin": "x" * 60_000, "shop.py": changed(3)}, author="eve", fork=fork)
    pull.push({"shop.py": changed(3, 4)})
    token, folder = github.installation_token("acme/shop", {"contents": "read"}), tmp_path / "bare"
    folder.mkdir()
    git(folder, "init", "-q", "--bare")
    fetch = ["fetch", "-q", "--no-tags", "--filter=blob:limit=50k", shop.clone_url, "+refs/pull/1/head:refs/r/1"]

    fetched = git(folder, *fetch, url=github.url, token=token)
    missing = git(folder, "rev-list", "--objects", "--missing=print", "refs/r/1").stdout

    assert fetched.returncode == 0, fetched.stderr
    assert git(folder, "rev-parse", "refs/r/1").stdout.strip() == pull.head_sha
    assert [line[0] for line in missing.split("\n") if line.startswith("?")] == ["?"]
    assert git(folder, "cat-file", "-p", "refs/r/1:shop.py").stdout == changed(3, 4)
    assert token not in "".join(path.read_text() for path in folder.rglob("config"))
    forced = pull.force_push({"shop.py": changed(5)})
    git(folder, *fetch, url=github.url, token=token)
    assert git(folder, "rev-parse", "refs/r/1").stdout.strip() == forced


def test_git_is_refused_without_a_token_that_may_read(github: GitHub, pull: PlayedPull, tmp_path: Path) -> None:
    url = f"{github.url}/acme/shop.git"

    nobody = git(tmp_path, "ls-remote", url)
    narrow = git(tmp_path, "ls-remote", url, url=url, token=github.installation_token("acme/shop", {"checks": "write"}))
    stranger = git(tmp_path, "ls-remote", url, url=url, token=github.personal_token("eve"))
    ada = git(tmp_path, "ls-remote", url, url=url, token=github.personal_token("ada"))

    assert "could not read Username" in nobody.stderr
    assert "403" in narrow.stderr
    assert "not found" in stranger.stderr
    assert "refs/pull/1/head" in ada.stdout
