"""What the service was told: how it reaches GitHub, and where it keeps clones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from platformdirs import user_cache_path

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.settings.oidc import SignIn, load_sign_in
from mesrai.settings.secret_in import secret_in

SERVING_NAMES: Final[Mapping[str, str]] = {
    "MESRAI_GITHUB_URL": "The web address of GitHub, or of your GitHub Enterprise. Default: `https://github.com`.",
    "MESRAI_GITHUB_APP_ID": "The id, or the client id, of your GitHub App.",
    "MESRAI_GITHUB_PRIVATE_KEY": "The App's private key, as PEM text; its lines may be joined by `\\n`.",
    "MESRAI_GITHUB_PRIVATE_KEY_FILE": "The path of a file that holds it.",
    "MESRAI_GITHUB_TOKEN": "A personal access token, in place of an App.",
    "MESRAI_GITHUB_TOKEN_FILE": "The path of a file that holds it.",
    "MESRAI_GITHUB_WEBHOOK_SECRET": "The secret that GitHub signs webhooks with, of 16 characters or more. "
    "Without it no webhook is taken.",
    "MESRAI_GITHUB_WEBHOOK_SECRET_FILE": "The path of a file that holds it.",
    "MESRAI_GITHUB_WRITE_GAP_S": "Seconds between two things we write there. Default: 1, as GitHub asks for.",
    "MESRAI_PUBLIC_URL": "Where people reach the pages, such as `https://mesrai.example.com`. With https, cookies are "
    "kept to it.",
    "MESRAI_CENTRAL_REPOSITORY": "The repository that configures all others, as `owner/name`; it is read at its "
    "default branch, at the same GitHub. See docs/configuration.md. Without it, each repository configures "
    "itself alone.",
    "MESRAI_LEASE_S": "Seconds after which the work of a process that is gone is taken up by another. Default: 60.",
    "MESRAI_SOURCE": "How pull requests are read: `clone`, with git, or `api`, through GitHub's interface alone, where "
    "the model cannot search the repository. Default: `clone`, and `api` where git is not installed.",
    "MESRAI_CLONES": "The folder for clones. Default: `clones` in the user's cache folder for `mesrai`.",
    "MESRAI_CLONES_BYTES": "How large that folder may grow. Default: 5000000000.",
    "MESRAI_KEEP_PROMPTS_DAYS": "For how many days the pages show what models were asked and answered in a review, "
    "with the code in it and without credentials. 0: that is not kept at all. Default: 14.",
    "MESRAI_ALLOWED_HOSTS": "Hosts inside your network that the service may ask a model at, such as "
    "`llm.internal:8000, 10.0.0.7`; without a port, at any port. Those that `MESRAI_CATALOGUE` names are allowed.",
}
_TOKEN_NAME: Final = "MESRAI_GITHUB_TOKEN"  # noqa: S105 - the name of a variable
_TOOL_TOKENS: Final = ("GITHUB_TOKEN", "GH_TOKEN")
_ENTERPRISE_TOKENS: Final = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_PUBLIC: Final = "https://github.com"
_MOST_CLONES: Final = 5_000_000_000
_SHORTEST_LEASE_S: Final = 3
_LONGEST_LEASE_S: Final = 3_600
_LEAST_SECRET: Final = 16  # characters; a shorter one could be guessed, and whoever has it can start reviews
_APP_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN: Final = re.compile(r"[!-~]{1,2000}")
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----\s")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")


class SourceMode(StrEnum):
    """How pull requests are read."""

    CLONE = "clone"  # with git
    API = "api"  # through the forge's interface alone


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubAccess:
    """How GitHub is reached: as an App, or with a token."""

    url: str  # its web address
    app_id: str = ""
    private_key: Secret | None = None
    token: Secret | None = None
    webhook_secret: Secret | None = None
    write_gap_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the service was told."""

    github: GitHubAccess | None  # None: the environment connects none
    github_url: str = _PUBLIC
    write_gap_s: float = 1.0
    clones: Path = Path()
    clones_bytes: int = _MOST_CLONES
    source: SourceMode | None = None  # None: as it can be had
    central: str = ""  # `owner/name` of the repository that configures all others; empty: there is none
    lease_s: float = 60.0  # how long a job is held without a sign of life
    keep_prompts_days: int = 14  # what models were asked and answered; 0: it is not kept at all
    public_url: str = ""  # of the pages, without a slash at its end; empty: wherever people ask
    sign_in: SignIn = SignIn()
    allowed_hosts: frozenset[str] = frozenset()  # `host` or `host:port`, in lower case; IPv6 in brackets


def load_serving(environ: Mapping[str, str]) -> Serving:
    """Read the settings of the service. Errors: SettingsError, which names the variable and never shows a secret."""
    env = {name: value.strip() for name, value in environ.items() if value.strip()}
    folder = env.get("MESRAI_CLONES")
    return Serving(
        github=_github(env),
        github_url=env.get("MESRAI_GITHUB_URL", _PUBLIC),
        write_gap_s=_seconds(env.get("MESRAI_GITHUB_WRITE_GAP_S", "1"), "MESRAI_GITHUB_WRITE_GAP_S"),
        clones=Path(folder).expanduser() if folder else user_cache_path("mesrai") / "clones",
        clones_bytes=_bytes(env.get("MESRAI_CLONES_BYTES", ""), "MESRAI_CLONES_BYTES"),
        source=_source(env.get("MESRAI_SOURCE", "")),
        central=_repository(env.get("MESRAI_CENTRAL_REPOSITORY", "")),
        lease_s=_lease(env.get("MESRAI_LEASE_S", "60")),
        keep_prompts_days=_days(env.get("MESRAI_KEEP_PROMPTS_DAYS", "14"), "MESRAI_KEEP_PROMPTS_DAYS"),
        public_url=_public_url(env.get("MESRAI_PUBLIC_URL", "")),
        sign_in=load_sign_in(env),
        allowed_hosts=_hosts(env.get("MESRAI_ALLOWED_HOSTS", ""), "MESRAI_ALLOWED_HOSTS"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAccess:
    """How GitHub is reached from a terminal or a workflow, and where that was set."""

    access: GitHubAccess
    origin: str  # names of variables


def load_github_access(environ: Mapping[str, str]) -> FoundAccess:
    """The service's own credentials, or else those of GitHub's own tools.

    Without MESRAI_GITHUB_URL a workflow means the GitHub it runs on. GITHUB_TOKEN and GH_TOKEN are for that one, for
    github.com and for ghe.com; any other GitHub gets only what is named for it. Errors: SettingsError.
    """
    env = {name: value.strip() for name, value in environ.items() if value.strip()}
    home = env.get("GITHUB_SERVER_URL", "") if env.get("GITHUB_ACTIONS") == "true" else ""
    env.setdefault("MESRAI_GITHUB_URL", home or _PUBLIC)
    own = _github(env)
    if own is not None:
        return FoundAccess(access=own, origin="MESRAI_GITHUB_APP_ID" if own.app_id else _TOKEN_NAME)
    url = env["MESRAI_GITHUB_URL"]
    names = _TOOL_TOKENS if _is_home(url, home) else _ENTERPRISE_TOKENS
    name = next((each for each in names if each in env), "")
    if not name:
        raise SettingsError(
            f"There is no token for {url}. Set MESRAI_GITHUB_TOKEN, or {' or '.join(names)}: one that may read the "
            "repository, and write to its pull requests if the review is to be posted."
        )
    access = _github(env | {_TOKEN_NAME: env[name]})
    if access is None:  # the token was refused before it came to this
        raise SettingsError(f"{name}: no token.")
    return FoundAccess(access=access, origin=name)


def _is_home(url: str, home: str) -> bool:
    try:
        host = urlsplit(url if "://" in url else f"https://{url}").hostname or ""
    except ValueError:
        return False
    is_public = host in ("github.com", "www.github.com", "api.github.com") or host.endswith(".ghe.com")
    return is_public or (bool(home) and url.lower().rstrip("/") == home.lower().rstrip("/"))


def _github(env: Mapping[str, str]) -> GitHubAccess | None:
    app_id, key, token = env.get("MESRAI_GITHUB_APP_ID", ""), _private_key(env), _token(env)
    if app_id and key is None:
        raise SettingsError("MESRAI_GITHUB_APP_ID: an App needs its private key. Set MESRAI_GITHUB_PRIVATE_KEY_FILE.")
    if key is not None and not app_id:
        raise SettingsError("MESRAI_GITHUB_PRIVATE_KEY: say which App it is of. Set MESRAI_GITHUB_APP_ID.")
    if app_id and token is not None:
        raise SettingsError("MESRAI_GITHUB_TOKEN: an App is set as well. Take one of the two away.")
    if app_id and not _APP_ID.fullmatch(app_id):
        raise SettingsError("MESRAI_GITHUB_APP_ID: the App's id is a number, or a client id such as Iv23li….")
    if not app_id and token is None:
        return None
    return GitHubAccess(
        url=env.get("MESRAI_GITHUB_URL", _PUBLIC),
        app_id=app_id,
        private_key=key,
        token=token,
        webhook_secret=_webhook_secret(env),
        write_gap_s=_seconds(env.get("MESRAI_GITHUB_WRITE_GAP_S", "1"), "MESRAI_GITHUB_WRITE_GAP_S"),
    )


def _private_key(env: Mapping[str, str]) -> Secret | None:
    name = "MESRAI_GITHUB_PRIVATE_KEY"
    found = secret_in(env, name)
    if found is None:
        return None
    key = Secret(found.open().replace("\\n", "\n"))
    if not _PEM.match(key.open()):
        raise SettingsError(f"{name}: no private key in PEM form. Give the file that GitHub made, from its first line.")
    return key


def _token(env: Mapping[str, str]) -> Secret | None:
    name = "MESRAI_GITHUB_TOKEN"
    token = secret_in(env, name)
    if token is not None and not _TOKEN.fullmatch(token.open()):
        raise SettingsError(f"{name}: a token is one word of plain letters, digits and signs.")
    return token


def _webhook_secret(env: Mapping[str, str]) -> Secret | None:
    name = "MESRAI_GITHUB_WEBHOOK_SECRET"
    secret = secret_in(env, name)
    if secret is not None and len(secret.open()) < _LEAST_SECRET:
        raise SettingsError(
            f"{name}: too short, so it could be guessed. Use {_LEAST_SECRET} characters or more: openssl rand -hex 32."
        )
    return secret


def _public_url(text: str) -> str:
    url = text.rstrip("/").lower()
    if url and not re.fullmatch(r"https?://[a-z0-9._\[\]:-]{1,260}", url):
        raise SettingsError(
            "MESRAI_PUBLIC_URL: an address without a path belongs here, such as https://mesrai.example."
        )
    return url


def _hosts(text: str, name: str) -> frozenset[str]:
    return frozenset(_host(each, name) for each in re.split(r"[,\s]+", text.lower()) if each)


def _host(text: str, name: str) -> str:
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found[1] or 1) < 65_536:
        raise SettingsError(f"{name}: hosts belong here, such as llm.internal:8000, with commas between them.")
    return text


def _bytes(text: str, name: str) -> int:
    if not text:
        return _MOST_CLONES
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise SettingsError(f"{name}: a number of bytes belongs here.")
    return int(text)


def _source(text: str) -> SourceMode | None:
    if not text:
        return None
    try:
        return SourceMode(text.lower())
    except ValueError:
        raise SettingsError("MESRAI_SOURCE: either `clone` or `api` belongs here.") from None


def _repository(text: str) -> str:
    if text and not _REPOSITORY.fullmatch(text):
        raise SettingsError("MESRAI_CENTRAL_REPOSITORY: a repository's `owner/name` belongs here, without an address.")
    return text


def _lease(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not _SHORTEST_LEASE_S <= int(text) <= _LONGEST_LEASE_S:
        raise SettingsError(f"MESRAI_LEASE_S: seconds from {_SHORTEST_LEASE_S} to {_LONGEST_LEASE_S} belong here.")
    return float(text)


def _days(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise SettingsError(f"{name}: a number of days belongs here, such as 14, or 0.")
    return int(text)


def _seconds(text: str, name: str) -> float:
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text):
        raise SettingsError(f"{name}: a number of seconds below 100 belongs here.")
    return float(text)
