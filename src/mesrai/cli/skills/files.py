"""The files that coding agents read, and our part of each."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Final

from mesrai.errors import UserError

_BEGIN: Final = "<!-- mesrai-skill: begin; written by `mesrai skills install` -->"
_END: Final = "<!-- mesrai-skill: end -->"
_MOST_BYTES: Final = 1_048_576
_DESCRIPTION: Final = (
    "Review uncommitted changes, a commit, a branch or a range with the mesrai command, read its JSON, and apply what "
    "is right. Use after a piece of work, before a commit or pull request, or when a code review is asked for."
)


class State(StrEnum):
    """How a file stands."""

    NONE = "not installed"
    CURRENT = "installed"
    OLD = "installed, of another version or changed"
    OTHER = "not Mesrai's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one kind of agent looks."""

    agent: str
    project: str  # the file, relative to the repository
    home: str  # the same for all projects, relative to the home folder; empty: there is none
    head: str = ""  # what stands before the text, in a file that is all ours
    is_shared: bool = False  # others write into the file too, so ours is a marked part of it


TARGETS: Final = (
    Target(
        agent="claude",
        project=".claude/skills/mesrai-review/SKILL.md",
        home=".claude/skills/mesrai-review/SKILL.md",
        head=f"---\nname: mesrai-review\ndescription: {_DESCRIPTION}\n---\n\n",
    ),
    Target(
        agent="cursor",
        project=".cursor/rules/mesrai-review.mdc",
        home="",
        head=f"---\ndescription: {_DESCRIPTION}\nalwaysApply: false\n---\n\n",
    ),
    Target(agent="agents", project="AGENTS.md", home=".codex/AGENTS.md", is_shared=True),
)


def skill_text() -> str:
    """The instructions themselves."""
    return files("mesrai.cli.skills").joinpath("review.md").read_text("utf-8")


def state_of(target: Target, place: Path) -> State:
    """How the file stands. Errors: UserError if it cannot be read."""
    text = _read(place)
    if text is None or (target.is_shared and _BEGIN not in text):
        return State.NONE
    if _BEGIN not in text or _END not in text:
        return State.OTHER
    return State.CURRENT if text == _with_ours(target, text) else State.OLD


def put(target: Target, place: Path) -> State:
    """Write our part; the state it was in. Errors: UserError, also for a file of somebody else's."""
    state, text = state_of(target, place), _read(place)
    if state is State.OTHER:
        raise UserError(f"{place} is not Mesrai's, so nothing was written to it.")
    if state is not State.CURRENT:
        _write(place, _with_ours(target, text or ""))
    return state


def take_away(target: Target, place: Path) -> State:
    """Remove our part, and the file where nothing else is left in it; the state it was in. Errors: UserError."""
    state, text = state_of(target, place), _read(place)
    if state in (State.NONE, State.OTHER) or text is None:
        return state
    left = _without_ours(text) if target.is_shared else ""
    try:
        if left.strip():
            _write(place, left)
        else:
            place.unlink()
            if not target.is_shared:
                with suppress(OSError):  # other files are in it
                    place.parent.rmdir()
    except OSError as error:
        raise UserError(f"{place} cannot be removed: {error.strerror}.") from error
    return state


def _ours() -> str:
    return f"{_BEGIN}\n{skill_text().strip()}\n{_END}\n"


def _with_ours(target: Target, text: str) -> str:
    if not target.is_shared:
        return target.head + _ours()
    others = _without_ours(text)
    return f"{others.rstrip()}\n\n{_ours()}" if others.strip() else _ours()


def _without_ours(text: str) -> str:
    before, begin, rest = text.partition(_BEGIN)
    if not begin or _END not in rest:
        return text
    after = rest.partition(_END)[2].lstrip("\n")
    kept = before.rstrip("\n")
    return "\n\n".join(part for part in (kept, after) if part.strip()).rstrip("\n") + "\n" if (kept or after) else ""


def _read(place: Path) -> str | None:
    """The file's text; None if there is none. Errors: UserError for what is no small text file."""
    if not os.path.lexists(place):
        return None
    if place.is_symlink() or not place.is_file():
        raise UserError(f"{place} is not a regular file, so it is left alone.")
    return _guarded(place, lambda: _small(place), "read")


def _small(place: Path) -> str:
    with place.open("rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8")


def _write(place: Path, text: str) -> None:
    beside = place.with_name(f".{place.name}.{os.getpid()}")

    def write() -> str:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, "utf-8", newline="\n")
        beside.replace(place)
        return text

    _guarded(place, write, "written")


def _guarded(place: Path, act: Callable[[], str], what: str) -> str:
    try:
        return act()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place} cannot be {what}: {error}") from error
