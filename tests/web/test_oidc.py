"""Signing in at an identity provider: who comes in, as what, and what an attacker does not get."""

import hashlib
import hmac
import itertools
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import expect
from tests.databases import a_database, a_new_file
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, Key, an_identity_provider
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import PASSWORD, Answer, Person, Stand, a_site

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.flows import people
from mesrai.server.web.oidc import Provider
from mesrai.store.accounts import find_account, find_member, members, set_password
from mesrai.store.audit import entries

NUMBERS = itertools.count(1)
AT = "/sign-in/oidc"


def settings_of(idp: IdentityProvider, **more: str) -> dict[str, str]:
    return {
        "MESRAI_PUBLIC_URL": "{site}",
        "MESRAI_OIDC_ISSUER": idp.url,
        "MESRAI_OIDC_CLIENT_ID": CLIENT,
        "MESRAI_OIDC_CLIENT_SECRET": SECRET,
        "MESRAI_OIDC_NAME": "Acme",
        "MESRAI_OIDC_ALLOWED_DOMAINS": "acme.example",
        **more,
    }


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with an_identity_provider() as made:
        yield made


@pytest.fixture
def idp(provider: IdentityProvider) -> IdentityProvider:
    provider.reset()
    number = next(NUMBERS)
    provider.person = {
        "sub": f"person-{number}",
        "email": f"ada{number}@acme.example",
        "email_verified": True,
        "name": "Ada Lovelace",
    }
    return provider


@pytest.fixture(scope="module")
def stand(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with a_site(tmp_path_factory.mktemp("oidc"), env=settings_of(provider)) as made:
        made.member(Role.OWNER)
        yield made


@contextmanager
def a_site_of(idp: IdentityProvider, folder: Path, **more: str) -> Iterator[Stand]:
    """A site of its own with an owner."""
    with a_site(folder, env=settings_of(idp, **more)) as stand:
        stand.member(Role.OWNER)
        yield stand


def address(answer: Answer) -> str:
    assert answer.status == 303, answer.text[:300]
    return answer.headers["location"]


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def comes_in(person: Person, idp: IdentityProvider, to: str = "/start") -> Answer:
    """To the provider and back."""
    return person.get(path_of(idp.visit(address(person.get(f"{AT}?to={to}")))))


def is_in(person: Person) -> bool:
    return person.get("/account").status == 200


def told(person: Person) -> str:
    """What the next page says."""
    kind, text = json.loads(unquote(person.cookies["mesrai_told"]))
    assert kind == "bad"
    assert text.replace("’", "'") in person.get("/sign-in").text.replace("&#39;", "'"), "the page says it"
    return str(text)


def refused(person: Person, answer: Answer) -> str:
    """That the person stays out, and why."""
    assert address(answer).startswith("/sign-in?to=")
    assert not is_in(person)
    return told(person)


def role_of(stand: Stand, email: str) -> Role | None:
    account = stand.run(find_account(stand.house.database, email))
    member = stand.run(find_member(stand.house.database, "default", account.id)) if account else None
    return member.role if member else None


def audit(stand: Stand, email: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = stand.run(entries(stand.house.database, "default", most=1_000))
    return [(each.what, each.details) for each in reversed(found) if each.subject == email]


# Who comes in


def test_somebody_of_the_domain_joins_by_themselves_and_lands_where_they_wanted(
    stand: Stand, idp: IdentityProvider
) -> None:
    person, email = stand.visitor(), idp.person["email"]
    assert address(comes_in(person, idp, "/usage%3Fdays%3D7")) == "/usage?days=7"
    page = person.get("/account")
    assert "Ada Lovelace" in page.text
    assert "You sign in with Acme, without a password." in page.text
    assert role_of(stand, email) is Role.MEMBER
    assert not [name for name in person.cookies if "oidc" in name]
    assert audit(stand, email) == [
        ("member.join", {"role": "member", "with": idp.url, "invited": False}),
        ("session.begin", {"from": "127.0.0.1", "with": idp.url}),
    ]


def test_whoever_came_once_comes_into_the_same_account_whatever_their_address_is_now(
    stand: Stand, idp: IdentityProvider
) -> None:
    comes_in(stand.visitor(), idp)
    first = idp.person["email"]
    idp.person |= {"email": "another@elsewhere.example", "email_verified": False}
    person = stand.visitor()
    comes_in(person, idp)
    assert first in person.get("/account").text


def test_the_way_there_asks_for_a_code_with_pkce_and_tells_no_secret(stand: Stand, idp: IdentityProvider) -> None:
    person = stand.visitor()
    answer = person.get(f"{AT}?to=/start")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address(answer)).query).items()}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{stand.url}{AT}/back"
    assert SECRET not in address(answer)
    again = parse_qs(urlsplit(address(person.get(AT))).query)
    assert all(again[name][0] != asked[name] for name in ("state", "nonce", "code_challenge"))
    for part in ("state", "nonce"):
        assert asked[part] not in person.cookies["mesrai_oidc"]


def test_a_password_account_is_linked_where_the_provider_is_trusted_and_its_password_ends(
    stand: Stand, idp: IdentityProvider
) -> None:
    before = stand.member(Role.ADMIN)
    email = f"linked{next(NUMBERS)}@acme.example"
    run(stand, f"UPDATE people SET email = '{email}' WHERE email = '{before.email}'")
    account = stand.run(find_account(stand.house.database, email))
    assert account is not None
    stand.run(set_password(stand.house.database, account.id, "a hash"))
    idp.person["email"] = email.upper()
    person = stand.visitor()
    comes_in(person, idp)
    linked = stand.run(find_account(stand.house.database, email))
    assert linked == replace(account, subject=f"{idp.url} {idp.person['sub']}", password="")
    assert role_of(stand, email) is Role.ADMIN
    assert is_in(person)
    assert not is_in(before), "whoever was signed in before is not any more"
    assert audit(stand, email)[0] == ("account.link", {"with": idp.url, "before": "", "password": "removed"})


def test_an_owner_keeps_the_password_for_the_day_that_the_provider_is_down(stand: Stand, idp: IdentityProvider) -> None:
    owner = stand.member(Role.OWNER)
    run(stand, f"UPDATE people SET email = 'o@acme.example' WHERE email = '{owner.email}'")
    account = stand.run(find_account(stand.house.database, "o@acme.example"))
    assert account is not None
    stand.run(set_password(stand.house.database, account.id, "a hash"))
    idp.person["email"] = "o@acme.example"
    comes_in(stand.visitor(), idp)
    linked = stand.run(find_account(stand.house.database, "o@acme.example"))
    assert linked is not None
    assert (linked.subject, linked.password) == (f"{idp.url} {idp.person['sub']}", "a hash")


def test_an_invitation_gives_its_role_to_whoever_has_its_address(stand: Stand, idp: IdentityProvider) -> None:
    email = idp.person["email"]
    stand.run(people.invite(owner_desk(stand), email, Role.BILLING))
    comes_in(stand.visitor(), idp)
    assert role_of(stand, email) is Role.BILLING


def test_somebody_of_another_domain_joins_with_the_code_of_an_invitation(stand: Stand, idp: IdentityProvider) -> None:
    email = f"guest{next(NUMBERS)}@other.example"
    idp.person["email"] = email
    code = stand.run(people.invite(owner_desk(stand), email, Role.ADMIN)).open()
    person = stand.visitor()
    page = person.post("/join/oidc", {"code": code}, seen="/join")
    assert page.status == 200
    assert f"Now sign in as {email}." in page.text
    assert code not in "".join(person.cookies.values())
    assert address(comes_in(person, idp)) == "/start"
    assert role_of(stand, email) is Role.ADMIN
    assert not [name for name in person.cookies if "invited" in name]


def test_what_the_token_lacks_is_asked_for_at_the_userinfo_endpoint(stand: Stand, idp: IdentityProvider) -> None:
    email = idp.person["email"]
    idp.userinfo = dict(idp.person)
    idp.person = {"sub": idp.person["sub"]}
    person = stand.visitor()
    comes_in(person, idp)
    assert is_in(person)
    assert role_of(stand, email) is Role.MEMBER


@pytest.mark.parametrize("algorithm", ["ES256", "PS256"])
def test_other_good_signatures_are_taken(tmp_path: Path, idp: IdentityProvider, algorithm: str) -> None:
    with an_identity_provider() as other, a_site_of(other, tmp_path) as site:
        other.keys, other.person = [Key("of another kind", algorithm)], idp.person
        person = site.visitor()
        comes_in(person, other)
        assert is_in(person)


def test_another_process_of_the_service_finishes_what_one_began(idp: IdentityProvider, tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    with a_site(tmp_path, env=settings_of(idp), url=url) as first:
        first.member(Role.OWNER)
        with a_site(tmp_path, env=settings_of(idp, MESRAI_PUBLIC_URL=first.url), url=url) as second:
            person = first.visitor()
            back = idp.visit(address(person.get(AT)))
            person.url = second.url
            person.get(path_of(back))
            assert is_in(person)


def test_all_of_it_holds_on_postgresql_too(idp: IdentityProvider, tmp_path: Path) -> None:
    roles = {"MESRAI_OIDC_ROLE_MAP": "platform=admin"}
    with a_database("postgresql", tmp_path) as url, a_site(tmp_path, env=settings_of(idp, **roles), url=url) as stand:
        before = stand.member(Role.OWNER)
        run(stand, f"UPDATE people SET email = 'o@acme.example' WHERE email = '{before.email}'")
        email = idp.person["email"]
        idp.person["groups"] = ["platform"]
        comes_in(stand.visitor(), idp)
        assert role_of(stand, email) is Role.ADMIN
        idp.person["groups"] = []
        comes_in(stand.visitor(), idp)
        assert role_of(stand, email) is Role.MEMBER
        idp.person |= {"sub": "the owner", "email": "o@acme.example"}
        comes_in(stand.visitor(), idp)
        assert [each for each, _ in audit(stand, "o@acme.example")] == ["account.link", "session.begin"]
        assert role_of(stand, "o@acme.example") is Role.OWNER


# Groups and roles


def test_groups_give_roles_and_take_them_again_but_never_an_owners(idp: IdentityProvider, tmp_path: Path) -> None:
    roles = "the platform team=admin, finance=billing"
    with a_site_of(idp, tmp_path, MESRAI_OIDC_ROLE_MAP=roles, MESRAI_OIDC_GROUPS_CLAIM="teams") as stand:
        email = idp.person["email"]

        def role_with(*groups: str) -> Role | None:
            idp.person["teams"] = list(groups)
            comes_in(stand.visitor(), idp)
            return role_of(stand, email)

        assert role_with("finance", "the platform team", "more") is Role.ADMIN
        assert role_with("finance") is Role.BILLING
        assert role_with() is Role.MEMBER
        assert ("member.role", {"role": ["billing", "member"], "by": "groups"}) in audit(stand, email)
        by_hand = stand.run(find_account(stand.house.database, email))
        assert by_hand is not None
        desk = owner_desk(stand)
        stand.run(people.change_role(desk, by_hand.id, Role.REPOSITORY_ADMIN, ["github.com/a/b"]))
        assert role_with() is Role.REPOSITORY_ADMIN, "a role that no group gives is the members' own affair"
        stand.run(people.change_role(desk, by_hand.id, Role.OWNER))
        assert role_with("finance") is Role.OWNER
        del idp.person["teams"]
        idp.person["_claim_names"] = {"teams": "src1"}
        person = stand.visitor()
        assert "too many groups" in refused(person, comes_in(person, idp))


# What an attacker tries


def swapped(idp: IdentityProvider, **claims: Any) -> None:
    idp.claims = claims


def with_public_key_as_secret(idp: IdentityProvider) -> None:
    """HS256, with the public key in place of a shared secret. PyJWT itself would not sign so."""
    pem = idp.keys[0].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(claims: Mapping[str, Any]) -> str:
        parts = [json.dumps({"alg": "HS256", "kid": "first"}), json.dumps(claims)]
        text = ".".join(urlsafe_b64encode(each.encode()).decode().rstrip("=") for each in parts)
        seal = hmac.new(pem, text.encode(), hashlib.sha256).digest()
        return f"{text}.{urlsafe_b64encode(seal).decode().rstrip('=')}"

    idp.sign = sign


def unsigned(idp: IdentityProvider) -> None:
    idp.sign = lambda claims: jwt.encode(dict(claims), "", algorithm="none", headers={"kid": "first"})


def with_another_key(idp: IdentityProvider) -> None:
    idp.sign = Key("first").sign


def with_a_key_of_its_own_in_the_head(idp: IdentityProvider) -> None:
    own = Key("own")
    idp.sign = lambda claims: own.sign(claims, jwk=own.public, kid="first")


def as_an_access_token(idp: IdentityProvider) -> None:
    idp.sign = lambda claims: idp.keys[0].sign(claims, typ="at+jwt")


def with_something_critical(idp: IdentityProvider) -> None:
    idp.sign = lambda claims: idp.keys[0].sign(claims, crit=["exp"])


def as_rubbish(idp: IdentityProvider) -> None:
    idp.sign = lambda _claims: "[" * 70_000


ATTACKS: list[tuple[str, Callable[[IdentityProvider], None], str]] = [
    ("another nonce", lambda idp: swapped(idp, nonce="stolen"), "another sign-in"),
    ("no nonce", lambda idp: swapped(idp, nonce=None), "something is missing"),
    ("a nonce that is no text", lambda idp: swapped(idp, nonce=["x"]), "another sign-in"),
    ("another audience", lambda idp: swapped(idp, aud="another app"), "another application"),
    ("two audiences without a party", lambda idp: swapped(idp, aud=[CLIENT, "other"]), "another application"),
    ("another party", lambda idp: swapped(idp, aud=[CLIENT, "other"], azp="other"), "another application"),
    ("a party that is not us", lambda idp: swapped(idp, azp="other"), "another application"),
    ("another issuer", lambda idp: swapped(idp, iss="https://evil.example"), "another issuer"),
    ("a slash more", lambda idp: swapped(idp, iss=f"{idp.url}/"), "another issuer"),
    ("over", lambda idp: swapped(idp, exp=int(time.time()) - 300), "it is over"),
    ("without an end", lambda idp: swapped(idp, exp=None), "something is missing"),
    ("an old one", lambda idp: swapped(idp, iat=int(time.time()) - 3_600), "too old"),
    ("from the future", lambda idp: swapped(idp, iat=int(time.time()) + 3_600), "from the future"),
    ("not yet", lambda idp: swapped(idp, nbf=int(time.time()) + 3_600), "from the future"),
    ("nobody", lambda idp: swapped(idp, sub=""), "names nobody"),
    ("no person", lambda idp: swapped(idp, sub=7), "something is missing"),
    ("unsigned", unsigned, "not signed by"),
    ("HS256 with the public key", with_public_key_as_secret, "not signed by"),
    ("another key", with_another_key, "signature is wrong"),
    ("its own key in its head", with_a_key_of_its_own_in_the_head, "signature is wrong"),
    ("an access token", as_an_access_token, "another kind of token"),
    ("something critical", with_something_critical, "no signed token"),
    ("rubbish", as_rubbish, "too large"),
]


@pytest.mark.parametrize(("attack", "why"), [each[1:] for each in ATTACKS], ids=[each[0] for each in ATTACKS])
def test_a_token_that_is_not_what_it_must_be_lets_nobody_in(
    stand: Stand, idp: IdentityProvider, attack: Callable[[IdentityProvider], None], why: str
) -> None:
    attack(idp)
    person = stand.visitor()
    assert why in refused(person, comes_in(person, idp))
    assert stand.run(find_account(stand.house.database, idp.person["email"])) is None


def test_another_state_is_refused_before_the_provider_is_asked(stand: Stand, idp: IdentityProvider) -> None:
    person = stand.visitor()
    back = idp.visit(address(person.get(AT)))
    before = idp.asked["/token"]
    answer = person.get(path_of(back).replace("state=", "state=x"))
    assert "another try" in refused(person, answer)
    assert idp.asked["/token"] == before


def test_a_code_that_is_brought_to_another_browser_lets_nobody_in(stand: Stand, idp: IdentityProvider) -> None:
    attacker, victim = stand.visitor(), stand.visitor()
    back = path_of(idp.visit(address(attacker.get(AT))))
    assert "did not begin" in refused(victim, victim.get(back))
    victim.get(AT)  # one that has begun, too
    assert "another try" in refused(victim, victim.get(back))


def test_a_code_of_one_try_is_worth_nothing_in_another(stand: Stand, idp: IdentityProvider) -> None:
    """With the state of the victim's own try, the code of the attacker's: PKCE is what holds."""
    attacker, victim = stand.visitor(), stand.visitor()
    code = parse_qs(urlsplit(idp.visit(address(attacker.get(AT)))).query)["code"][0]
    back = urlsplit(idp.visit(address(victim.get(AT))))
    own = parse_qs(back.query)["code"][0]
    answer = victim.get(f"{back.path}?{back.query.replace(own, code)}")
    assert "does not accept the code" in refused(victim, answer)


def test_a_way_back_is_good_for_once(stand: Stand, idp: IdentityProvider) -> None:
    person = stand.visitor()
    cookies = dict(person.cookies)
    back = path_of(idp.visit(address(person.get(AT))))
    cookies |= person.cookies
    person.get(back)
    assert is_in(person)
    again = Person(stand.url, {"mesrai_oidc": cookies["mesrai_oidc"]})
    assert "does not accept the code, or it was used" in refused(again, again.get(back))


def test_a_cookie_that_we_did_not_make_or_that_is_for_something_else_is_none(
    stand: Stand, idp: IdentityProvider
) -> None:
    person = stand.visitor()
    back = path_of(idp.visit(address(person.get(AT))))
    elsewhere = stand.house.elsewhere
    assert elsewhere is not None
    good = person.cookies["mesrai_oidc"]
    for forged in (
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "x",
        elsewhere.tickets.seal(elsewhere.tickets.invited("a")),
    ):
        other = Person(stand.url, {"mesrai_oidc": forged})
        assert "did not begin" in refused(other, other.get(back))


def test_a_try_ends_after_ten_minutes(idp: IdentityProvider, stand: Stand) -> None:
    elsewhere = stand.house.elsewhere
    assert elsewhere is not None
    old = replace(elsewhere.tickets.new("/"), until=time.time() - 1)
    person = Person(stand.url, {"mesrai_oidc": elsewhere.tickets.seal(old)})
    assert "took too long" in refused(person, person.get(f"{AT}/back?state={old.state}&code=x"))


def test_an_answer_of_another_provider_is_refused(stand: Stand, idp: IdentityProvider) -> None:
    person = stand.visitor()
    back = path_of(idp.visit(address(person.get(AT))))
    before = idp.asked["/token"]
    assert "another provider" in refused(person, person.get(back.split("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example"))
    person.get(AT)
    back = path_of(idp.visit(address(person.get(AT))))
    assert "another provider" in refused(person, person.get(back.split("&iss=")[0]))
    assert idp.asked["/token"] == before


@pytest.mark.parametrize("verified", [False, None, "no", 0, "false", []])
def test_an_address_that_is_not_verified_opens_no_account(
    stand: Stand, idp: IdentityProvider, verified: object
) -> None:
    comes_in(stand.visitor(), idp)
    idp.person |= {"sub": f"eve-{next(NUMBERS)}"}
    idp.claims = {"email_verified": verified}
    idp.userinfo = {**idp.person, "email_verified": verified}
    person = stand.visitor()
    assert "does not say that your e-mail address is verified" in refused(person, comes_in(person, idp))


def test_one_place_does_not_verify_the_address_of_the_other(stand: Stand, idp: IdentityProvider) -> None:
    victim = f"victim{next(NUMBERS)}@acme.example"
    idp.userinfo = {"sub": idp.person["sub"], "email": "eve@evil.example", "email_verified": True}
    idp.person |= {"email": victim, "email_verified": None}
    person = stand.visitor()
    assert "join by invitation" in refused(person, comes_in(person, idp))
    idp.userinfo = {"sub": "somebody else", "email": victim, "email_verified": True}
    assert "speaks of two people" in refused(person, comes_in(person, idp))


def test_an_account_is_not_taken_over_where_the_provider_is_not_trusted(stand: Stand, idp: IdentityProvider) -> None:
    owner = stand.member(Role.OWNER)  # at example.com, which is not among the domains
    idp.person["email"] = owner.email
    person = stand.visitor()
    assert "is not trusted for its domain" in refused(person, comes_in(person, idp))
    assert is_in(owner)


def test_an_address_that_went_on_to_somebody_else_does_not_give_them_the_account(
    stand: Stand, idp: IdentityProvider
) -> None:
    comes_in(stand.visitor(), idp)
    idp.person["sub"] = "the next one with that address"
    person = stand.visitor()
    assert "belongs to somebody else" in refused(person, comes_in(person, idp))


def test_an_account_of_the_provider_before_comes_along_where_the_new_one_is_trusted(
    stand: Stand, idp: IdentityProvider
) -> None:
    email = idp.person["email"]
    comes_in(stand.visitor(), idp)
    run(stand, f"UPDATE people SET subject = 'https://old.example 7' WHERE email = '{email}'")
    person = stand.visitor()
    comes_in(person, idp)
    assert is_in(person)
    assert ("account.link", {"with": idp.url, "before": "https://old.example", "password": "removed"}) in audit(
        stand, email
    )


def test_letters_that_only_look_the_same_in_lower_case_open_no_account(stand: Stand, idp: IdentityProvider) -> None:
    comes_in(stand.visitor(), idp)
    number = next(NUMBERS)
    idp.person |= {"sub": "eve", "email": f"mark{number}@acme.example"}
    comes_in(stand.visitor(), idp)
    idp.person |= {"sub": "eve too", "email": f"mar\u212a{number}@acme.example"}
    person = stand.visitor()
    assert "does not say" in refused(person, comes_in(person, idp))


@pytest.mark.parametrize(
    "email",
    ["eve@evil.example", "eve@sub.acme.example", "eve@acme.example.evil.example", "a@acme.example@evil.example"],
)
def test_somebody_of_another_domain_joins_by_invitation_only(stand: Stand, idp: IdentityProvider, email: str) -> None:
    idp.person["email"] = email
    person = stand.visitor()
    assert "join by invitation" in refused(person, comes_in(person, idp))
    assert stand.run(find_account(stand.house.database, email)) is None


def test_somebody_who_was_removed_does_not_come_back_by_themselves(stand: Stand, idp: IdentityProvider) -> None:
    email, person = idp.person["email"], stand.visitor()
    comes_in(person, idp)
    account = stand.run(find_account(stand.house.database, email))
    assert account is not None
    stand.run(people.remove(owner_desk(stand), account.id))
    assert "no member here any more" in refused(person, comes_in(person, idp))
    stand.run(people.invite(owner_desk(stand), email, Role.MEMBER))
    comes_in(person, idp)
    assert is_in(person)


def test_the_code_of_somebody_elses_invitation_gives_nothing(stand: Stand, idp: IdentityProvider) -> None:
    code = stand.run(people.invite(owner_desk(stand), "guest@other.example", Role.ADMIN)).open()
    email, person = idp.person["email"], stand.visitor()
    person.post("/join/oidc", {"code": code}, seen="/join")
    assert "for another address" in refused(person, comes_in(person, idp))
    assert role_of(stand, email) is None
    assert person.post("/join/oidc", {"code": "wrong"}, seen="/join").status == 400


def test_the_way_back_leads_to_no_other_site(stand: Stand, idp: IdentityProvider) -> None:
    assert address(comes_in(stand.visitor(), idp, "https%3A%2F%2Fevil.example")) == "/"


def test_nobody_joins_before_there_is_an_owner(idp: IdentityProvider, tmp_path: Path) -> None:
    with a_site(tmp_path, env=settings_of(idp)) as site:
        person = site.visitor()
        assert address(comes_in(person, idp)).startswith("/sign-in")
        assert not is_in(person)
        assert stand_members(site) == []


# What can go wrong at the provider


def test_what_the_provider_refuses_is_said_in_our_own_words(stand: Stand, idp: IdentityProvider) -> None:
    for error, said in {
        "access_denied": "Acme did not let you in.",
        "server_error": "Acme answered with an error: server_error.",
        "<b>call 555</b>": "Acme answered with an error: one without a name.",
    }.items():
        idp.refuses = error
        person = stand.visitor()
        assert refused(person, comes_in(person, idp)) == said


def test_what_is_not_in_answer_to_us_is_not_said(stand: Stand) -> None:
    person = stand.visitor()
    answer = person.get(f"{AT}/back?error=Call+555+now&state=x")
    assert "555" not in refused(person, answer)


def test_a_provider_that_is_down_is_said_and_other_ways_stay_open(idp: IdentityProvider, tmp_path: Path) -> None:
    with a_site_of(idp, tmp_path) as stand:
        idp.down = "/openid-configuration"
        person = stand.visitor()
        assert address(person.get(f"{AT}?to=/queue")) == "/sign-in?to=%2Fqueue"
        assert "has a fault: its discovery document: HTTP 502" in told(person)
        before = idp.asked["/.well-known/openid-configuration"]
        for _ in range(5):
            person.get(AT)
        assert idp.asked["/.well-known/openid-configuration"] == before, "it is left alone for a moment"
        assert "Password" in person.get("/sign-in").text


@pytest.mark.parametrize("part", ["/token", "/keys", "/userinfo"])
def test_a_part_of_the_provider_that_is_down_is_said(idp: IdentityProvider, tmp_path: Path, part: str) -> None:
    with a_site_of(idp, tmp_path) as stand:
        idp.down = part
        idp.claims = {"email": None}
        person = stand.visitor()
        assert "HTTP 502" in refused(person, comes_in(person, idp))
        idp.reset()
        idp.person = {"sub": "a", "email": "a@acme.example", "email_verified": True}


@pytest.mark.parametrize(
    ("discovery", "why"),
    [
        ({"issuer": "https://evil.example"}, "calls itself by another name"),
        ({"token_endpoint": "http://evil.example/token"}, "no safe token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no safe authorization_endpoint"),
        ({"jwks_uri": None}, "no safe jwks_uri"),
    ],
)
def test_a_discovery_document_that_leads_elsewhere_is_not_followed(
    idp: IdentityProvider, stand: Stand, discovery: dict[str, Any], why: str
) -> None:
    idp.discovery = discovery
    assert stand.house.elsewhere is not None
    fresh = Provider(stand.house.elsewhere.provider.told, stand.url)
    with pytest.raises(Exception, match=why):
        stand.run(fresh.address(stand.house.elsewhere.tickets.new("/")))


def test_new_keys_are_found_once_and_unknown_ones_are_not_looked_for_again_and_again(
    idp: IdentityProvider, tmp_path: Path
) -> None:
    with an_identity_provider() as own, a_site_of(own, tmp_path) as stand:
        own.person = idp.person
        person = stand.visitor()
        comes_in(person, own)
        own.keys = [Key("second")]
        person = stand.visitor()
        comes_in(person, own)
        assert is_in(person)
        before = own.asked["/keys"]
        for number in range(4):
            own.sign = Key(f"unknown {number}", private=own.keys[0].private).sign
            person = stand.visitor()
            assert "names a key that is not the provider's" in refused(person, comes_in(person, own))
        assert own.asked["/keys"] == before == 2


def test_a_secret_is_sent_in_the_form_where_the_provider_wants_it_so(idp: IdentityProvider, tmp_path: Path) -> None:
    with an_identity_provider() as own, a_site_of(own, tmp_path) as stand:
        own.person, own.discovery = idp.person, {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        person = stand.visitor()
        comes_in(person, own)
        assert is_in(person)


# Where passwords are closed


def test_without_passwords_only_owners_come_in_with_one(idp: IdentityProvider, tmp_path: Path) -> None:
    with a_site_of(idp, tmp_path, MESRAI_PASSWORD_SIGN_IN="off") as stand:
        hashed = stand.run(stand.house.passwords.hashed(Secret(PASSWORD)))
        for role in (Role.OWNER, Role.ADMIN):
            person = stand.member(role)
            account = stand.run(find_account(stand.house.database, person.email))
            assert account is not None
            stand.run(set_password(stand.house.database, account.id, hashed))
            visitor = stand.visitor()
            answer = visitor.post("/sign-in", {"email": person.email, "password": PASSWORD}, seen="/sign-in")
            assert answer.status == (303 if role is Role.OWNER else 403)
            assert role is Role.OWNER or "Passwords are for owners only here. Sign in with Acme." in answer.text
        assert 'type="password"' not in stand.visitor().get("/sign-in").text
        assert 'type="password"' in stand.visitor().get("/sign-in?with=password").text
        code = stand.run(people.invite(owner_desk(stand), "guest@other.example", Role.ADMIN)).open()
        told = {"code": code, "email": "guest@other.example", "password": PASSWORD}
        answer = stand.visitor().post("/join", told, seen="/join")
        assert answer.status == 400
        assert "Passwords are for owners only" in answer.text


# In a browser


def test_in_a_browser_the_button_leads_there_and_back(idp: IdentityProvider, tmp_path: Path) -> None:
    with a_site_of(idp, tmp_path) as stand, a_browser() as browser:
        with a_window(browser, stand.visitor(), size=PHONE, dark=True) as page:
            page.goto("/account")
            assert faults_of(page) == []
            assert overflow_of(page) == 0
            page.get_by_role("link", name="Sign in with Acme").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
            assert faults_of(page) == []
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("status")).to_have_text("You are signed out.")
        email = f"guest{next(NUMBERS)}@other.example"
        idp.person |= {"email": email, "sub": "guest"}
        code = stand.run(people.invite(owner_desk(stand), email, Role.MEMBER)).open()
        with a_window(browser, stand.visitor()) as page:
            page.goto("/join")
            assert faults_of(page) == []
            page.get_by_label("Invitation code").fill(code)
            page.get_by_role("button", name="Join with Acme").click()
            expect(page.get_by_text("The code is right.")).to_be_visible()
            page.get_by_role("link", name="Sign in with Acme").click()
            expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()


def run(stand: Stand, sql: str) -> None:
    stand.run(stand.house.database.rows(sql))


def owner_desk(stand: Stand) -> people.Desk:
    found = stand.run(members(stand.house.database, "default"))
    owner = next(each for each in found if each.role is Role.OWNER)
    return people.Desk(database=stand.house.database, organisation="default", by=owner)


def stand_members(stand: Stand) -> list[str]:
    return [each.email for each in stand.run(members(stand.house.database, "default"))]
