"""What a GitHub workflow tells the step that runs us: where it is, what happened, and the inputs of the Action."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from mesrai.domain.finding import Severity
from mesrai.errors import SettingsError
from mesrai.review.options import Depth

_REPOSITORY: Final = re.compile(r"([A-Za-z0-9_.-]{1,100})/([A-Za-z0-9_.-]{1,100})")
_MOST_EVENT_BYTES: Final = 25_000_000
_YES: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs of action.yml."""

    fail_on: Severity | None = None
    requires_review: bool = False
    sarif_file: Path | None = None
    posts: bool = True
    is_full: bool = False
    depth: Depth = Depth.NORMAL
    number: int | None = None  # of the pull request; None: the event says it
    budget: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One run of a step. https://docs.github.com/en/actions/reference/workflows-and-actions/variables"""

    event_name: str
    event: bytes  # the event's JSON
    owner: str
    name: str
    actor: str  # whose event it is
    workspace: Path
    summary_file: Path | None
    output_file: Path | None
    inputs: Inputs


def load_workflow(environ: Mapping[str, str]) -> Workflow:
    """Read it from the environment. Errors: SettingsError, which names the variable or the input."""
    env = {name: value.strip() for name, value in environ.items() if value.strip()}
    if env.get("GITHUB_ACTIONS") != "true":
        raise SettingsError("This runs in a GitHub workflow only. In a terminal: mesrai pr review URL.")
    repository = _REPOSITORY.fullmatch(_needed(env, "GITHUB_REPOSITORY"))
    if repository is None:
        raise SettingsError("GITHUB_REPOSITORY: owner/name belongs here.")
    workspace = Path(env.get("GITHUB_WORKSPACE", "."))
    return Workflow(
        event_name=_needed(env, "GITHUB_EVENT_NAME"),
        event=_event(Path(_needed(env, "GITHUB_EVENT_PATH"))),
        owner=repository[1],
        name=repository[2],
        actor=env.get("GITHUB_ACTOR", ""),
        workspace=workspace,
        summary_file=_path(env, "GITHUB_STEP_SUMMARY"),
        output_file=_path(env, "GITHUB_OUTPUT"),
        inputs=_inputs(env, workspace),
    )


def _needed(env: Mapping[str, str], name: str) -> str:
    if name not in env:
        raise SettingsError(f"{name} is not set, as it is in a GitHub workflow.")
    return env[name]


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if name in env else None


def _event(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            body = stream.read(_MOST_EVENT_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"GITHUB_EVENT_PATH: the event cannot be read: {error.strerror}.") from error
    if len(body) > _MOST_EVENT_BYTES:
        raise SettingsError("GITHUB_EVENT_PATH: the event is too large.")
    return body


def _inputs(env: Mapping[str, str], workspace: Path) -> Inputs:
    fail_on = _among(env, "fail-on", ("never", *(str(each) for each in Severity)), "never")
    depth = _among(env, "depth", tuple(str(each) for each in Depth), str(Depth.NORMAL))
    return Inputs(
        fail_on=None if fail_on == "never" else Severity(fail_on),
        requires_review=_is_on(env, "require-review", default=False),
        sarif_file=_sarif_file(env, workspace),
        posts=_is_on(env, "post", default=True),
        is_full=_is_on(env, "full", default=False),
        depth=Depth(depth),
        number=_number(env),
        budget=_budget(env),
    )


def _given(env: Mapping[str, str], name: str) -> str:
    """An input as the runner passes it to an action of its own, or as action.yml does."""
    upper = name.upper()
    return env.get(f"INPUT_{upper.replace('-', '_')}") or env.get(f"INPUT_{upper}", "")


def _among(env: Mapping[str, str], name: str, words: tuple[str, ...], usual: str) -> str:
    given = _given(env, name).lower() or usual
    if given not in words:
        raise SettingsError(f"{name}: one of {', '.join(words)} belongs here.")
    return given


def _is_on(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    return _YES[_among(env, name, tuple(_YES), str(default).lower())]


def _number(env: Mapping[str, str]) -> int | None:
    given = _given(env, "pull-request")
    if not given:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", given):
        raise SettingsError("pull-request: the number of a pull request belongs here.")
    return int(given)


def _sarif_file(env: Mapping[str, str], workspace: Path) -> Path | None:
    given = _given(env, "sarif-file")
    if not given:
        return None
    if not given.isprintable():
        raise SettingsError("sarif-file: a path of plain letters belongs here.")
    # A checkout may hold links that lead elsewhere.
    path, root = (workspace / given).parent.resolve() / Path(given).name, workspace.resolve()
    if not Path(given).is_absolute() and not path.is_relative_to(root):
        raise SettingsError("sarif-file: the path leads out of the workspace.")
    return path


def _budget(env: Mapping[str, str]) -> Decimal | None:
    given = _given(env, "budget")
    if not given:
        return None
    try:
        amount = Decimal(given)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise SettingsError("budget: an amount such as 0.50 belongs here.")
    return amount
