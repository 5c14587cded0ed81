import re
import traceback
from pathlib import Path

import pytest

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.settings.serving import _TOKEN_NAME, SERVING_NAMES, GitHubAccess, Serving, SourceMode, load_serving

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1\nQmFzZTY0\n-----END RSA PRIVATE KEY-----"
HOOK = "5f0c9a2e7d41b8836a95"
APP = {"MESRAI_GITHUB_APP_ID": "12345", "MESRAI_GITHUB_PRIVATE_KEY": PEM}
TOKEN = {"MESRAI_GITHUB_TOKEN": "ghp_" + "x1Y2z3" * 6}


def refusal(**environ: str) -> str:
    """What is said of these settings, and that none of the values shows anywhere in it."""
    with pytest.raises(SettingsError) as refused:
        load_serving(environ)
    shown = "".join(traceback.format_exception(refused.value))
    shown = "\n".join(line for line in shown.splitlines() if not line.lstrip().startswith(("File ", "raise ")))
    for name, value in environ.items():
        if name not in ("MESRAI_GITHUB_APP_ID", "MESRAI_GITHUB_URL"):
            assert value not in shown
    return refused.value.message


def connected(**environ: str) -> GitHubAccess:
    found = load_serving(environ).github
    assert found is not None
    return found


def test_every_name_is_read(tmp_path: Path) -> None:
    for name, text in {"app.pem": PEM + "\n", "hook": HOOK + "\n"}.items():
        (tmp_path / name).write_text(text)
    found = load_serving(
        {
            "MESRAI_GITHUB_URL": "https://github.example.com",
            "MESRAI_GITHUB_APP_ID": "Iv23liAbC",
            "MESRAI_GITHUB_PRIVATE_KEY_FILE": str(tmp_path / "app.pem"),
            "MESRAI_GITHUB_WEBHOOK_SECRET_FILE": str(tmp_path / "hook"),
            "MESRAI_GITHUB_WRITE_GAP_S": "0.25",
            "MESRAI_SOURCE": "API",
            "MESRAI_CENTRAL_REPOSITORY": "acme/review.rules",
            "MESRAI_CLONES": str(tmp_path / "clones"),
            "MESRAI_CLONES_BYTES": "1000",
            "MESRAI_ALLOWED_HOSTS": "LLM.internal:8000, 10.0.0.7 [fd00::1]:80",
        }
    )
    assert found == Serving(
        github=GitHubAccess(
            url="https://github.example.com",
            app_id="Iv23liAbC",
            private_key=Secret(PEM),
            webhook_secret=Secret(HOOK),
            write_gap_s=0.25,
        ),
        github_url="https://github.example.com",
        write_gap_s=0.25,
        clones=tmp_path / "clones",
        clones_bytes=1000,
        source=SourceMode.API,
        central="acme/review.rules",
        allowed_hosts=frozenset({"llm.internal:8000", "10.0.0.7", "[fd00::1]:80"}),
    )


def test_the_names_that_are_read_are_the_names_that_are_documented() -> None:

    source = Path(load_serving.__code__.co_filename).read_text("utf-8")
    body = source[source.index("def load_serving") :]
    read = set(re.findall(r'"(MESRAI_[A-Z_]+)"', body)) | {_TOKEN_NAME}
    secrets = set(re.findall(r'name = "(MESRAI_[A-Z_]+)"', body)) | {_TOKEN_NAME}
    assert read | {f"{name}_FILE" for name in secrets} == set(SERVING_NAMES)


@pytest.mark.parametrize("text", ["rules", "https://github.com/acme/rules", "acme/rules/shop", "acme/", "acme /rules"])
def test_a_central_repository_is_named_by_its_owner_and_its_name(text: str) -> None:
    assert refusal(MESRAI_CENTRAL_REPOSITORY=text).startswith("MESRAI_CENTRAL_REPOSITORY: a repository's `owner/name`")


def test_with_nothing_set_no_forge_is_connected() -> None:
    found = load_serving({"MESRAI_GITHUB_URL": "https://github.example.com", "MESRAI_GITHUB_TOKEN": "  "})
    assert (found.github, found.clones_bytes, found.allowed_hosts) == (None, 5_000_000_000, frozenset())


def test_a_token_stands_in_place_of_an_app(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN['MESRAI_GITHUB_TOKEN']}\r\n")
    found = connected(MESRAI_GITHUB_TOKEN_FILE=str(tmp_path / "token"))
    assert found == connected(**TOKEN)
    assert (found.app_id, found.url) == ("", "https://github.com")


def test_a_pem_text_may_have_its_lines_joined() -> None:
    joined = APP | {"MESRAI_GITHUB_PRIVATE_KEY": PEM.replace("\n", "\\n")}
    assert connected(**joined).private_key == Secret(PEM)


def test_a_webhook_secret_is_taken_letter_by_letter(tmp_path: Path) -> None:
    odd = r"a\nback\slash-n-in-it"
    assert connected(**TOKEN, MESRAI_GITHUB_WEBHOOK_SECRET=odd).webhook_secret == Secret(odd)
    (tmp_path / "hook").write_text(odd + "\r\n")
    assert connected(**TOKEN, MESRAI_GITHUB_WEBHOOK_SECRET_FILE=str(tmp_path / "hook")).webhook_secret == Secret(odd)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"MESRAI_GITHUB_PRIVATE_KEY": ""}, "an App needs its private key"),
        ({"MESRAI_GITHUB_APP_ID": ""}, "say which App it is of"),
        ({"MESRAI_GITHUB_APP_ID": "../12"}, "is a number, or a client id"),
        (TOKEN, "an App is set as well"),
        ({"MESRAI_GITHUB_PRIVATE_KEY": "ghp_notApemAtAll12"}, "no private key in PEM form"),
        ({"MESRAI_GITHUB_PRIVATE_KEY_FILE": "/some/where.pem"}, "is set as well"),
        ({"MESRAI_GITHUB_WEBHOOK_SECRET": "hunter2hunter2x"}, "too short"),
        ({"MESRAI_GITHUB_WEBHOOK_SECRET": "''"}, "it is empty"),
        ({"MESRAI_GITHUB_WRITE_GAP_S": "-1"}, "a number of seconds"),
        ({"MESRAI_GITHUB_WRITE_GAP_S": "1e9"}, "a number of seconds"),
        ({"MESRAI_CLONES_BYTES": "9" * 5_000}, "a number of bytes"),
        ({"MESRAI_CLONES_BYTES": "0"}, "a number of bytes"),
        ({"MESRAI_ALLOWED_HOSTS": "http://llm.internal/"}, "hosts belong here"),
        ({"MESRAI_ALLOWED_HOSTS": "llm.internal:70000"}, "hosts belong here"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(more: dict[str, str], said: str) -> None:
    told = refusal(**{name: value for name, value in (APP | more).items() if value})
    assert said in told
    assert told.split(":")[0] in SERVING_NAMES


def test_a_token_of_more_than_one_word_is_refused() -> None:
    assert "one word" in refusal(MESRAI_GITHUB_TOKEN="ghp_abcdefgh\nX-Evil: 1")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"", b"\n \n", b"x" * 64_001])
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "hook"
    if content is not None:
        path.write_bytes(content)
    told = refusal(**TOKEN, MESRAI_GITHUB_WEBHOOK_SECRET_FILE=str(path))
    assert told.startswith("MESRAI_GITHUB_WEBHOOK_SECRET_FILE: ")


@pytest.mark.parametrize("path", ["ghp_aSecretInTheWrongPlace1", "~nobody-of-this-name/x", "a\0b", "/"])
def test_a_path_that_leads_nowhere_is_not_repeated(path: str) -> None:
    assert "cannot be read" in refusal(MESRAI_GITHUB_TOKEN_FILE=path)


def test_nothing_secret_shows_in_what_was_read() -> None:
    found = load_serving(APP | {"MESRAI_GITHUB_WEBHOOK_SECRET": HOOK})
    for shown in (repr(found), str(found), f"{found}"):
        assert "MIIEow" not in shown
        assert HOOK not in shown
