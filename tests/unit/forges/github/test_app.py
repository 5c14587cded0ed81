import asyncio
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.unit.forges.github.scripted import SHOP, Asked, Says, Script, Talk, talk

from mesrai.domain.pull_request import Person
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, ForgeNotFound, ForgeRejected, ForgeUnavailable, SettingsError
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.git_access import git_access
from mesrai.forges.github.transport import Transport

LONG = "ghs_42_" + "eyJhbGciOiJSUzI1NiJ9." * 24  # as GitHub gives them out since 2026: long, with dots
MINT = "POST /app/installations/7/access_tokens"


@cache
def a_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    return (
        a_key()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


def minted(token: str, lives_s: float = 3600.0) -> Says:
    expires = datetime.fromtimestamp(time.time() + lives_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Says(status=201, body={"token": token, "expires_at": expires})


def an_app(to: Talk, key: str | None = None) -> App:
    return App(to.session, app_id="Iv23client", private_key=Secret(key or pem()))


def test_app_proves_itself_with_a_short_signed_statement() -> None:
    person, github = talk({"GET /app": Says(body={"slug": "mesrai-review"})}, lambda to: an_app(to).me())

    assert person == Person(id=0, login="mesrai-review[bot]", is_bot=True)
    scheme, statement = github.asked[0].headers["authorization"].split()
    claims = jwt.decode(statement, a_key().public_key(), algorithms=["RS256"])
    assert scheme == "Bearer"
    assert claims["iss"] == "Iv23client"
    assert claims["iat"] <= time.time() - 55
    assert claims["exp"] - time.time() < 600


def test_key_with_its_line_ends_written_out_is_taken() -> None:
    key = pem().replace("\n", "\\n")

    assert talk({"GET /app": Says(body={"slug": "x"})}, lambda to: an_app(to, key).me())[0].login == "x[bot]"


@pytest.mark.parametrize("key", ["no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
def test_unusable_key_is_a_matter_of_settings_and_is_not_shown(key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        talk({}, lambda to: an_app(to, key).me())
    assert "AAAA" not in str(refused.value)


def test_installation_of_a_repository_is_found_or_said_to_be_missing() -> None:
    script = {"GET /repos/acme/shop/installation": Says(body={"id": 7})}

    assert talk(script, lambda to: an_app(to).installation_of(SHOP))[0] == 7
    with pytest.raises(ForgeNotFound):
        talk({}, lambda to: an_app(to).installation_of(SHOP))


def test_token_reaches_one_repository_with_no_more_than_a_review_needs() -> None:
    token, github = talk({MINT: minted(LONG)}, lambda to: an_app(to).credentials(7, SHOP).token())

    assert token.open() == LONG
    assert github.asked[0].body == {
        "repositories": ["shop"],
        "permissions": {
            "metadata": "read",
            "contents": "read",
            "pull_requests": "write",
            "checks": "write",
            "issues": "write",
        },
    }


def test_token_is_kept_and_asked_for_once_by_many_at_a_time() -> None:
    async def ask(to: Talk) -> set[str]:
        app = an_app(to)
        tokens = await asyncio.gather(*(app.credentials(7, SHOP).token() for _ in range(5)))
        return {token.open() for token in tokens}

    tokens, github = talk({MINT: [minted("one"), minted("two")]}, ask)

    assert tokens == {"one"}
    assert github.lines == [MINT]


def test_token_is_renewed_five_minutes_before_it_ends() -> None:
    async def ask(to: Talk) -> tuple[str, str]:
        credentials = an_app(to).credentials(7, SHOP)
        return (await credentials.token()).open(), (await credentials.token()).open()

    assert talk({MINT: [minted("one", 299), minted("two", 400)]}, ask)[0] == ("one", "two")


def test_token_refused_half_way_is_renewed_once_even_for_a_write() -> None:
    def by_token(asked: Asked) -> Says:
        is_new = asked.headers["authorization"] == "Bearer token-two"
        return Says(status=201, body={"id": 5}) if is_new else Says(status=401, body={"message": "Bad credentials"})

    script: Script = {
        MINT: [minted("token-one"), minted("token-two")],
        "POST /repos/acme/shop/issues/1/comments": by_token,
    }

    async def ask(to: Talk) -> int:
        return await GitHub(Transport(to.session, an_app(to).credentials(7, SHOP)), SHOP).post_comment(1, "Hello")

    comment, github = talk(script, ask)

    assert comment == 5
    assert [asked.path for asked in github.asked].count("/repos/acme/shop/issues/1/comments") == 2


def test_app_whose_every_token_is_refused_is_not_accepted() -> None:
    script = {MINT: minted("token-one"), "GET /repos/acme/shop/pulls/1": Says(status=401)}

    async def ask(to: Talk) -> int:
        with pytest.raises(ForgeAuth):
            await GitHub(Transport(to.session, an_app(to).credentials(7, SHOP)), SHOP).pull_request(1)
        return to.github.lines.count(MINT)

    assert talk(script, ask)[0] == 2


def test_bot_learns_its_id_with_the_installations_token() -> None:
    script = {
        "GET /app": Says(body={"slug": "mesrai"}),
        MINT: minted(LONG),
        "GET /users/mesrai%5Bbot%5D": Says(body={"login": "mesrai[bot]", "id": 99, "type": "Bot"}),
    }

    async def ask(to: Talk) -> Person:
        return await GitHub(Transport(to.session, an_app(to).credentials(7, SHOP)), SHOP).me()

    assert talk(script, ask)[0] == Person(id=99, login="mesrai[bot]", is_bot=True)


def test_git_is_given_the_installations_token() -> None:
    async def ask(to: Talk) -> bool:
        access = await GitHub(Transport(to.session, an_app(to).credentials(7, SHOP)), SHOP).git_access()
        return access == git_access(to.place, SHOP, Secret(LONG))

    assert talk({MINT: minted(LONG)}, ask)[0]


def test_permission_the_installation_lacks_is_told_in_githubs_words() -> None:
    says = Says(status=422, body={"message": "The permissions requested are not granted to this installation."})

    with pytest.raises(ForgeRejected, match="not granted to this installation"):
        talk({MINT: says}, lambda to: an_app(to).credentials(7, SHOP).token())


@pytest.mark.parametrize("body", [[], {}, {"token": "x"}, {"token": "", "expires_at": "2030-01-01T00:00:00Z"}, None])
def test_answer_without_a_token_is_unavailable(body: Any) -> None:
    with pytest.raises(ForgeUnavailable):
        talk({MINT: Says(status=201, body=body)}, lambda to: an_app(to).credentials(7, SHOP).token())
