"""What the service holds of GitHub's secrets shows nowhere but where it is sent: not even when everything is logged."""

import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from tests.databases import a_new_file
from tests.served import FAULTY, Place, a_place, serving, until

SECRET = f"canary-{token_hex(24)}"  # of its own: other tests run meanwhile, whose programs are seen too
HELD = "GIT_CONFIG_VALUE_0=Authorization: Basic "  # how git is told, and nobody else
WORDS = 24  # letters of a secret that must not be seen in a row


def a_recording_git(folder: Path) -> Path:
    """A folder with a git that notes its arguments and its environment, a file for each run."""
    notes, programs = folder / "runs", folder / "bin"
    notes.mkdir()
    programs.mkdir()
    real = shutil.which("git")
    program = programs / "git"
    program.write_text(
        f"#!/bin/sh\n{{ printf '%s ' \"$@\"; echo; }} > {notes}/$$.arguments\nenv > {notes}/$$.environment\n"
        f'exec {real} "$@"\n'
    )
    program.chmod(0o755)
    return programs


def talkative(place: Place, folder: Path) -> None:
    """Everything that any library logs goes to the log, and git is watched and asked to trace."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import logging\nlogging.basicConfig(level=logging.DEBUG)\n")
    programs = a_recording_git(folder)
    place.env.update(
        MESRAI_GITHUB_WEBHOOK_SECRET=SECRET, PYTHONPATH=str(site), PYTHONDEVMODE="1",
        PATH=f"{programs}{os.pathsep}{place.env['PATH']}",
        GIT_TRACE="1", GIT_TRACE_CURL="1", GIT_CURL_VERBOSE="1", GIT_TRACE_REDACT="0",
    )  # fmt: skip


def ended(place: Place, sha: str) -> bool:
    """Whether its review is over, as a check or as a status tells it."""
    checks = [run.conclusion for run in place.shop.checks if run.sha == sha]
    statuses = [status.state for status in place.shop.statuses if status.sha == sha]
    return any(checks) or bool(statuses and statuses[-1] != "pending")


def a_day_of_work(place: Place) -> None:
    """A review, commands, refusals, tokens that end, and a forge that fails."""
    with serving(place) as address:
        place.github.webhooks_to(f"{address}/webhooks/github", SECRET)
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: ended(place, pull.head_sha), "it is reviewed", place)
        place.github.expire_tokens()
        place.github.fail("GET", "*/info/refs*", status=403)
        pull.push({"cart.py": FAULTY + "\n\ndef more(items):\n    return eval(items)\n"}, by="ada")
        pull.say("ada", "@mesrai help")
        until(lambda: any("What Mesrai does" in each.body for each in pull.comments), "help is given", place)
        for signature in ("", f"sha256={'0' * 64}", SECRET):
            with pytest.raises(HTTPError):
                urlopen(Request(f"{address}/webhooks/github", b"{}", {"X-Hub-Signature-256": signature}))
        urlopen(f"{address}/health/ready").read()
        lines = _command_lines()
        assert any("mesrai" in line and "serve" in line for line in lines)
        assert_absent(place, {"command lines": "\n".join(lines)})
        refused = "does not let git read"
        until(lambda: refused in place.log.read_text("utf-8"), "git was refused", place)


def _command_lines() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def secrets_of(place: Place) -> Iterator[str]:
    """All that must not be seen, and what is left of it where only its ends are cut."""
    tokens = list(place.github.world.tokens)
    pairs = [b64encode(f"x-access-token:{token}".encode()).decode() for token in tokens]
    key = [line for line in place.github.app.private_key.splitlines() if len(line) > WORDS]
    for secret in (*tokens, *pairs, *key[:4], SECRET):
        yield secret[4 : WORDS + 4]


def assert_absent(place: Place, texts: dict[str, str]) -> None:
    for where, text in texts.items():
        for trace in secrets_of(place):
            assert trace not in text, f"{where} holds {trace!r}"


def everything_kept(place: Place, folder: Path) -> dict[str, str]:
    files = [each for each in folder.rglob("*") if each.is_file()]
    ours = [each for each in files if folder / "github" not in each.parents and each.name != "app.pem"]
    kept = {str(each): each.read_bytes().decode("latin-1") for each in ours if "runs" not in each.parts}
    pull = place.github.pull("acme/shop", 1)
    said = [each.body for each in pull.comments] + [each.body for each in pull.review_comments]
    said += [each.body for each in pull.reviews] + [repr(each) for each in place.shop.statuses]
    checks = [repr(each) for each in place.shop.checks]
    asked = [repr(call.body) for call in place.sandbox.calls]
    return kept | {"what was posted": "\n".join([*said, *checks, pull.body or ""]), "the model": "\n".join(asked)}


@pytest.mark.parametrize("who", ["an app", "a person"])
def test_no_secret_of_github_shows_anywhere(tmp_path: Path, who: str) -> None:
    with a_place(tmp_path, a_new_file(tmp_path), judged=False) as place:
        talkative(place, tmp_path)
        if who == "a person":
            place.shop.grant("grace", "write")
            place.env["MESRAI_GITHUB_TOKEN"] = place.github.personal_token("grace")
            del place.env["MESRAI_GITHUB_APP_ID"], place.env["MESRAI_GITHUB_PRIVATE_KEY_FILE"]
        a_day_of_work(place)
        assert len(place.github.world.tokens) > (0 if who == "a person" else 1)
        assert "DEBUG" in place.log.read_text("utf-8")
        assert_absent(place, everything_kept(place, tmp_path))
        runs = sorted((tmp_path / "runs").iterdir())
        held = 0
        for run in runs:
            lines = run.read_text("utf-8", "replace").splitlines()
            held += sum(line.startswith(HELD) for line in lines)
            assert_absent(place, {run.name: "\n".join(line for line in lines if not line.startswith(HELD))})
        fetches = [run for run in runs if run.suffix == ".arguments" and " fetch " in run.read_text("utf-8")]
        assert held == len(fetches) > 0, "only a git that fetches is told how"
