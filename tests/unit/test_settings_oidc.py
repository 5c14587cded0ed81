"""How people sign in, as the environment says it."""

import re
import traceback
from pathlib import Path

import pytest

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.settings.oidc import OIDC_NAMES, Oidc, SignIn, is_trustworthy, load_sign_in
from mesrai.settings.serving import load_serving

SECRET = "a-client-secret-4711-x"
LEAST = {
    "MESRAI_PUBLIC_URL": "https://mesrai.acme.example",
    "MESRAI_OIDC_ISSUER": "https://login.acme.example/realms/Acme/",
    "MESRAI_OIDC_CLIENT_ID": "mesrai",
    "MESRAI_OIDC_CLIENT_SECRET": SECRET,
}


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_sign_in(environ)
    shown = "".join(traceback.format_exception(refused.value)[-1:])
    assert SECRET not in shown
    return refused.value.message


def test_the_least_that_is_needed_trusts_nobody_to_join() -> None:
    assert load_sign_in({}) == SignIn()
    assert load_sign_in(LEAST).oidc == Oidc(
        issuer="https://login.acme.example/realms/Acme/",
        client_id="mesrai",
        client_secret=Secret(SECRET),
        name="login.acme.example",
        scopes="openid email profile",
        allowed_domains=frozenset(),
        default_role=Role.MEMBER,
        verified_claim="email_verified",
        groups_claim="groups",
        roles={},
    )
    assert load_serving(LEAST).sign_in == load_sign_in(LEAST)


def test_every_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    environ = {name: value for name, value in LEAST.items() if name != "MESRAI_OIDC_CLIENT_SECRET"} | {
        "MESRAI_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "MESRAI_OIDC_NAME": "Acme",
        "MESRAI_OIDC_SCOPES": "openid  email groups",
        "MESRAI_OIDC_ALLOWED_DOMAINS": "Acme.example, @acme.org",
        "MESRAI_OIDC_DEFAULT_ROLE": "billing",
        "MESRAI_OIDC_VERIFIED_CLAIM": "xms_edov",
        "MESRAI_OIDC_GROUPS_CLAIM": "https://acme.example/groups",
        "MESRAI_OIDC_ROLE_MAP": "/the platform=admin, a=b=owner,",
        "MESRAI_PASSWORD_SIGN_IN": "OFF",
    }
    assert load_sign_in(environ) == SignIn(
        oidc=Oidc(
            issuer=LEAST["MESRAI_OIDC_ISSUER"],
            client_id="mesrai",
            client_secret=Secret(SECRET),
            name="Acme",
            scopes="openid email groups",
            allowed_domains=frozenset({"acme.example", "acme.org"}),
            default_role=Role.BILLING,
            verified_claim="xms_edov",
            groups_claim="https://acme.example/groups",
            roles={"/the platform": Role.ADMIN, "a=b": Role.OWNER},
        ),
        is_password_for_all=False,
    )


def test_the_names_that_are_read_are_the_names_that_are_documented() -> None:
    source = Path(load_sign_in.__code__.co_filename).read_text("utf-8")
    body = source[source.index("def load_sign_in") :]
    read = set(re.findall(r'"(MESRAI_(?:OIDC|PASSWORD)_[A-Z_]*[A-Z])[":]', body)) | {"MESRAI_OIDC_ISSUER"}
    assert read | {"MESRAI_OIDC_CLIENT_SECRET_FILE"} == set(OIDC_NAMES)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"MESRAI_OIDC_ISSUER": ""}, "there is none. Set MESRAI_OIDC_ISSUER"),
        ({"MESRAI_OIDC_ISSUER": "http://login.acme.example"}, "an https:// address belongs here"),
        ({"MESRAI_OIDC_ISSUER": "https://login.acme.example?x=1"}, "an https:// address belongs here"),
        ({"MESRAI_OIDC_ISSUER": "https://a:b@login.acme.example"}, "an https:// address belongs here"),
        ({"MESRAI_OIDC_CLIENT_ID": ""}, "the id that Mesrai has"),
        ({"MESRAI_OIDC_CLIENT_SECRET": ""}, "the provider gives one"),
        ({"MESRAI_OIDC_CLIENT_SECRET": "short"}, "too short"),
        ({"MESRAI_OIDC_CLIENT_SECRET_FILE": "/x"}, "is set as well"),
        ({"MESRAI_PUBLIC_URL": ""}, "MESRAI_PUBLIC_URL: the provider sends people back to it"),
        ({"MESRAI_OIDC_NAME": "x" * 61}, "at most 60 letters"),
        ({"MESRAI_OIDC_SCOPES": "email"}, "`openid` among them"),
        ({"MESRAI_OIDC_ALLOWED_DOMAINS": "*.acme.example"}, "without wildcards"),
        ({"MESRAI_OIDC_ALLOWED_DOMAINS": "example"}, "domains belong here"),
        ({"MESRAI_OIDC_DEFAULT_ROLE": "root"}, "one of owner, admin"),
        ({"MESRAI_OIDC_GROUPS_CLAIM": "two words"}, "the name of one claim"),
        ({"MESRAI_OIDC_ROLE_MAP": "platform"}, "pairs belong here"),
        ({"MESRAI_OIDC_ROLE_MAP": "=admin"}, "pairs belong here"),
        ({"MESRAI_OIDC_ROLE_MAP": "a=chief"}, "one of owner, admin"),
        ({"MESRAI_OIDC_ROLE_MAP": "a=admin, a=member"}, "named twice"),
        ({"MESRAI_PASSWORD_SIGN_IN": "maybe"}, "either `on` or `off`"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(more: dict[str, str], said: str) -> None:
    told = refusal(**{name: value for name, value in (LEAST | more).items() if value})
    assert said in told
    assert told.split(":")[0] in {*OIDC_NAMES, "MESRAI_PUBLIC_URL"}


def test_passwords_are_closed_only_where_there_is_another_way_in() -> None:
    assert "nobody could sign in" in refusal(MESRAI_PASSWORD_SIGN_IN="off")


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("https://login.example/x", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]/x", True),
        ("http://localhost", True),
        ("http://login.example", False),
        ("http://localhost.evil.example", False),
        ("ftp://login.example", False),
        ("https://", False),
        ("https://[", False),
        ("https://login.example:x", False),
        ("https://login.example/\n", False),
    ],
)
def test_an_address_is_safe_over_https_or_on_this_machine(url: str, is_right: bool) -> None:
    assert is_trustworthy(url) is is_right
