"""What the service was told: how it reaches GitHub, and where it keeps clones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError

SERVING_NAMES: Final[Mapping[str, str]] = {
    "MESRAI_GITHUB_URL": "The web address of GitHub, or of your GitHub Enterprise. Default: `https://github.com`.",
    "MESRAI_GITHUB_APP_ID": "The id, or the client id, of your GitHub App.",
    "MESRAI_GITHUB_PRIVATE_KEY": "The App's private key, as PEM text.",
    "MESRAI_GITHUB_PRIVATE_KEY_FILE": "The path of a file that holds it.",
    "MESRAI_GITHUB_TOKEN": "A personal access token, in place of an App.",
    "MESRAI_GITHUB_WEBHOOK_SECRET": "The secret that GitHub signs webhooks with. Without it no webhook is taken.",
    "MESRAI_GITHUB_WEBHOOK_SECRET_FILE": "The path of a file that holds it.",
    "MESRAI_GITHUB_WRITE_GAP_S": "Seconds between two things we write there. Default: 1, as GitHub asks for.",
    "MESRAI_CLONES": "The folder for clones. Default: `clones` in the user's cache folder for `mesrai`.",
    "MESRAI_CLONES_BYTES": "How large that folder may grow. Default: 5000000000.",
}
_PUBLIC: Final = "https://github.com"
_MOST_CLONES: Final = 5_000_000_000
_MOST_SECRET_BYTES: Final = 64_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubAccess:
    """How GitHub is reached: as an App, or with a token."""

    url: str  # its web address
    app_id: str = ""
    private_key: Secret | None = None
    token: Secret | None = None
    webhook_secret: Secret | None = None
    write_gap_s: float = 1.0

    @property
    def is_app(self) -> bool:
        """Whether we act as an App."""
        return bool(self.app_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the service was told."""

    github: GitHubAccess | None  # None: no forge is connected
    clones: Path
    clones_bytes: int


def load_serving(environ: Mapping[str, str]) -> Serving:
    """Read the settings of the service. Errors: SettingsError, which names the variable and never shows a secret."""
    env = {name: value.strip() for name, value in environ.items() if value.strip()}
    folder = env.get("MESRAI_CLONES")
    return Serving(
        github=_github(env),
        clones=Path(folder).expanduser() if folder else user_cache_path("mesrai") / "clones",
        clones_bytes=_bytes(env.get("MESRAI_CLONES_BYTES", ""), "MESRAI_CLONES_BYTES"),
    )


def _github(env: Mapping[str, str]) -> GitHubAccess | None:
    token = _secret(env, "MESRAI_GITHUB_TOKEN")
    app_id, key = env.get("MESRAI_GITHUB_APP_ID", ""), _secret(env, "MESRAI_GITHUB_PRIVATE_KEY")
    if app_id and key is None:
        raise SettingsError("MESRAI_GITHUB_APP_ID: an App needs its private key. Set MESRAI_GITHUB_PRIVATE_KEY_FILE.")
    if key is not None and not app_id:
        raise SettingsError("MESRAI_GITHUB_PRIVATE_KEY: say which App it is of. Set MESRAI_GITHUB_APP_ID.")
    if app_id and token is not None:
        raise SettingsError("MESRAI_GITHUB_TOKEN: an App is set as well. Take one of the two away.")
    if not app_id and token is None:
        return None
    return GitHubAccess(
        url=env.get("MESRAI_GITHUB_URL", _PUBLIC),
        app_id=app_id,
        private_key=key,
        token=token,
        webhook_secret=_secret(env, "MESRAI_GITHUB_WEBHOOK_SECRET"),
        write_gap_s=_seconds(env.get("MESRAI_GITHUB_WRITE_GAP_S", "1"), "MESRAI_GITHUB_WRITE_GAP_S"),
    )


def _secret(env: Mapping[str, str], name: str) -> Secret | None:
    """A secret given in a variable, or in the file that another one names."""
    if name in env:
        return Secret(env[name].replace("\\n", "\n"))
    path = env.get(f"{name}_FILE")
    if path is None:
        return None
    try:
        with Path(path).expanduser().open("rb") as stream:
            text = stream.read(_MOST_SECRET_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE: the file that is named here cannot be read.") from error
    return Secret(text)


def _bytes(text: str, name: str) -> int:
    if not text:
        return _MOST_CLONES
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name}: a number of bytes belongs here.")
    return int(text)


def _seconds(text: str, name: str) -> float:
    if not re.fullmatch(r"\d{1,2}(\.\d{1,3})?", text):
        raise SettingsError(f"{name}: a number of seconds below 100 belongs here.")
    return float(text)
