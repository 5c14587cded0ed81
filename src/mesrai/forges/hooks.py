"""Where git looks for the hooks of a repository, and which of them are ours."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from mesrai.errors import UserError
from mesrai.forges.git import Git
from mesrai.forges.repository import find_repository

MARK: Final = "# mesrai-hook:"  # stands in every hook that we made
BEFORE: Final = ".before-mesrai"  # at the end of the name of a hook that was there before
_MOST_BYTES: Final = 1_048_576


class HookName(StrEnum):
    """The hooks we know."""

    PRE_PUSH = "pre-push"
    PRE_COMMIT = "pre-commit"


class HookState(StrEnum):
    """Whose a hook is."""

    NONE = "none"
    OURS = "ours"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlace:
    """Where the hooks lie."""

    folder: Path
    root: Path  # of the working tree
    is_own: bool  # it lies in the repository; otherwise a hook there would run in other repositories too


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFound:
    """One hook as it is on disk."""

    name: HookName
    place: Path
    state: HookState
    text: str = ""  # of one that is ours
    has_before: bool = False  # one of somebody else's runs before it


async def find_hook_place(folder: Path, environ: Mapping[str, str]) -> HookPlace:
    """Where git looks for hooks, in a worktree that of the repository it belongs to. Errors: as `find_repository`."""
    repository = await find_repository(folder, environ)
    common = await _line(repository.git, "rev-parse", "--git-common-dir")
    return _place(repository.root, Path(os.fsdecode(common)), await _configured(repository.git))


def _place(root: Path, common: Path, named: str) -> HookPlace:
    """`common` is git's own folder of the repository, `named` what core.hooksPath says; both may be relative."""
    own = Path(os.path.realpath(root / common))
    place = Path(os.path.abspath(root / named)) if named else own / "hooks"  # noqa: PTH100 - no link is followed
    real = Path(os.path.realpath(place))
    return HookPlace(folder=place, root=root, is_own=real.is_relative_to(own) or real.is_relative_to(root))


def find_hook(place: HookPlace, name: HookName) -> HookFound:
    """What stands under that name. Errors: UserError if it cannot be read."""
    file = place.folder / name
    before = file.with_name(name + BEFORE)
    has_before = os.path.lexists(before)
    if not os.path.lexists(file):
        return HookFound(name=name, place=file, state=HookState.NONE, has_before=has_before)
    if file.is_symlink() or not file.is_file():
        return HookFound(name=name, place=file, state=HookState.OTHER)
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise UserError(f"The hook {file} cannot be read: {error.strerror}.") from error
    if not any(line.startswith(MARK) for line in text.splitlines()[:5]):
        return HookFound(name=name, place=file, state=HookState.OTHER)
    return HookFound(name=name, place=file, state=HookState.OURS, text=text, has_before=has_before)


async def _configured(git: Git) -> str:
    """The value of core.hooksPath; our own git is given another one, which does not count."""
    ended = await git.ask("config", "-z", "--show-scope", "--type=path", "--get-all", "core.hooksPath", accept=(0, 1))
    parts = os.fsdecode(ended.out).split("\0")
    values = [value for scope, value in zip(parts[::2], parts[1::2], strict=False) if scope != "command"]
    return values[-1] if values else ""


async def _line(git: Git, *arguments: str) -> bytes:
    return (await git.run(*arguments)).removesuffix(b"\n")
