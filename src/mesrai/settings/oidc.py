"""What the service was told about signing in at an OpenID Connect provider."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.settings.secret_in import secret_in

OIDC_NAMES: Final[Mapping[str, str]] = {
    "MESRAI_OIDC_ISSUER": "The issuer of your OpenID Connect provider, letter by letter as it calls itself, such as "
    "`https://login.example.com/realms/acme`. With it people sign in there; see docs/sign-in.md.",
    "MESRAI_OIDC_CLIENT_ID": "The id that Mesrai has at the provider.",
    "MESRAI_OIDC_CLIENT_SECRET": "The secret that belongs to it.",
    "MESRAI_OIDC_CLIENT_SECRET_FILE": "The path of a file that holds it.",
    "MESRAI_OIDC_NAME": "What the button calls the provider: “Sign in with …”. Default: the issuer's host.",
    "MESRAI_OIDC_SCOPES": "What is asked for, with blanks between. Default: `openid email profile`.",
    "MESRAI_OIDC_ALLOWED_DOMAINS": "The domains of e-mail addresses that the provider is trusted for, such as "
    "`example.com, example.org`: people with such an address join by themselves, and come into the account that has "
    "it. Default: none, so that people join by invitation.",
    "MESRAI_OIDC_DEFAULT_ROLE": "What people are who join by themselves: member, billing, repository_admin, admin or "
    "owner. Default: `member`.",
    "MESRAI_OIDC_VERIFIED_CLAIM": "The claim that says whether the e-mail address was verified. Default: "
    "`email_verified`.",
    "MESRAI_OIDC_GROUPS_CLAIM": "The claim that lists a person's groups. Default: `groups`.",
    "MESRAI_OIDC_ROLE_MAP": "The role that each group gives, such as `platform=admin, finance=billing`; the first "
    "that fits counts, at every sign-in anew. Default: groups count for nothing.",
    "MESRAI_PASSWORD_SIGN_IN": "`on`, or `off` where a provider is set: then only owners still come in with a "
    "password. Default: `on`.",
}
_ISSUER: Final = "MESRAI_OIDC_ISSUER"
_SCOPES: Final = "openid email profile"
_WORD: Final = re.compile(r"[!#-\[\]-~]{1,200}")  # what a scope may hold (RFC 6749, 3.3)
_CLAIM: Final = re.compile(r"[!-~]{1,200}")
_DOMAIN: Final = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_MOST_NAME: Final = 60
_LEAST_SECRET: Final = 16  # characters; what browsers carry on the way is sealed with it, so it must not be guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """A provider that people sign in at, and what its word counts for."""

    issuer: str  # exactly as the provider writes it
    client_id: str
    client_secret: Secret
    name: str  # for the button
    scopes: str = _SCOPES
    allowed_domains: frozenset[str] = frozenset()  # in lower case
    default_role: Role = Role.MEMBER
    verified_claim: str = "email_verified"
    groups_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict)  # by the name of the group


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The ways in."""

    oidc: Oidc | None = None  # None: there is no such provider
    is_password_for_all: bool = True  # otherwise for owners only


def load_sign_in(environ: Mapping[str, str]) -> SignIn:
    """Read how people sign in. Errors: SettingsError, which names the variable and never shows a secret."""
    env = {name: environ[name].strip() for name in (*OIDC_NAMES, "MESRAI_PUBLIC_URL") if environ.get(name, "").strip()}
    oidc = _oidc(env)
    said = env.get("MESRAI_PASSWORD_SIGN_IN", "on").lower()
    if said not in ("on", "off"):
        raise SettingsError("MESRAI_PASSWORD_SIGN_IN: either `on` or `off` belongs here.")
    if said == "off" and oidc is None:
        raise SettingsError(
            f"MESRAI_PASSWORD_SIGN_IN: without {_ISSUER} nobody could sign in. Set it, or take `off` away."
        )
    return SignIn(oidc=oidc, is_password_for_all=said == "on")


def _oidc(env: Mapping[str, str]) -> Oidc | None:
    issuer = env.get(_ISSUER, "")
    if not issuer:
        lone = next((name for name in env if name.startswith("MESRAI_OIDC_")), "")
        if lone:
            raise SettingsError(f"{lone}: it belongs to a provider, and there is none. Set {_ISSUER}.")
        return None
    client_id, secret = env.get("MESRAI_OIDC_CLIENT_ID", ""), secret_in(env, "MESRAI_OIDC_CLIENT_SECRET")
    if not client_id:
        raise SettingsError("MESRAI_OIDC_CLIENT_ID: the id that Mesrai has at the provider belongs here.")
    if secret is None:
        raise SettingsError("MESRAI_OIDC_CLIENT_SECRET: the provider gives one with the client id. Set it.")
    if len(secret.open()) < _LEAST_SECRET:
        raise SettingsError(f"MESRAI_OIDC_CLIENT_SECRET: too short. Make one of {_LEAST_SECRET} characters or more.")
    if "MESRAI_PUBLIC_URL" not in env:
        raise SettingsError("MESRAI_PUBLIC_URL: the provider sends people back to it, so set it.")
    _refuse_address(issuer)
    return Oidc(
        issuer=issuer,
        client_id=client_id,
        client_secret=secret,
        name=_name(env.get("MESRAI_OIDC_NAME") or urlsplit(issuer).hostname or ""),
        scopes=_scopes(env.get("MESRAI_OIDC_SCOPES", _SCOPES)),
        allowed_domains=_domains(env.get("MESRAI_OIDC_ALLOWED_DOMAINS", "")),
        default_role=_role(env.get("MESRAI_OIDC_DEFAULT_ROLE", "member"), "MESRAI_OIDC_DEFAULT_ROLE"),
        verified_claim=_claim(env, "MESRAI_OIDC_VERIFIED_CLAIM", "email_verified"),
        groups_claim=_claim(env, "MESRAI_OIDC_GROUPS_CLAIM", "groups"),
        roles=_roles(env.get("MESRAI_OIDC_ROLE_MAP", "")),
    )


def is_trustworthy(url: str) -> bool:
    """Whether an address keeps to https, or stays on this machine; and is an address at all."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or re.search(r"[^!-~]", url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_address(issuer: str) -> None:
    if not is_trustworthy(issuer) or any(each in issuer for each in "?#"):
        raise SettingsError(
            f"{_ISSUER}: an https:// address belongs here, without a question mark, as the provider's own "
            "/.well-known/openid-configuration calls it."
        )


def _name(text: str) -> str:
    if len(text) > _MOST_NAME or not text.isprintable():
        raise SettingsError(f"MESRAI_OIDC_NAME: at most {_MOST_NAME} letters belong here.")
    return text


def _scopes(text: str) -> str:
    words = text.split()
    if "openid" not in words or not all(_WORD.fullmatch(each) for each in words):
        raise SettingsError(
            f"MESRAI_OIDC_SCOPES: words with blanks between belong here, `openid` among them: {_SCOPES}."
        )
    return " ".join(words)


def _domains(text: str) -> frozenset[str]:
    found = [each.removeprefix("@") for each in re.split(r"[,\s]+", text.lower()) if each]
    if not all(_DOMAIN.fullmatch(each) for each in found):
        raise SettingsError(
            "MESRAI_OIDC_ALLOWED_DOMAINS: domains belong here, such as `example.com, example.org`, without wildcards."
        )
    return frozenset(found)


def _claim(env: Mapping[str, str], name: str, usual: str) -> str:
    text = env.get(name, usual)
    if not _CLAIM.fullmatch(text):
        raise SettingsError(f"{name}: the name of one claim belongs here, such as `{usual}`.")
    return text


def _role(text: str, name: str) -> Role:
    try:
        return Role(text.strip().lower())
    except ValueError:
        raise SettingsError(f"{name}: one of {', '.join(Role)} belongs here.") from None


def _roles(text: str) -> Mapping[str, Role]:
    """The role of each group, from `group=role, group=role`; a group's name may hold blanks, and `=` too."""
    found: dict[str, Role] = {}
    for each in text.split(","):
        if not each.strip():
            continue
        group, _, role = each.rpartition("=")
        if not group.strip():
            raise SettingsError("MESRAI_OIDC_ROLE_MAP: pairs belong here, such as `platform=admin, finance=billing`.")
        if group.strip() in found:
            raise SettingsError(f"MESRAI_OIDC_ROLE_MAP: one group is named twice: {group.strip()[:60]}.")
        found[group.strip()] = _role(role, "MESRAI_OIDC_ROLE_MAP")
    return found
