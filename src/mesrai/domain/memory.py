"""What an organisation told its reviewer to remember, and where it holds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesrai.domain.globs import check_glob, path_matches
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.domain.unseen import UNSEEN

MOST_TEXT: Final = 2_000  # characters of one memory
MOST_PATHS: Final = 20
MOST_MEMORIES: Final = 500  # of an organisation, those that wait for approval among them
_HIDDEN: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


class MemoryScope(StrEnum):
    """How far a memory reaches."""

    ORGANISATION = "organisation"
    REPOSITORY = "repository"
    DIRECTORY = "directory"  # the paths of a repository that its patterns match


class MemoryState(StrEnum):
    """Whether reviews are told of a memory."""

    ACTIVE = "active"
    PENDING = "pending"  # a person must approve it first
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One lasting convention, in plain words."""

    id: int  # 0: it stands in a file, not in the store
    text: str
    scope: MemoryScope = MemoryScope.REPOSITORY
    repository: str = ""  # `github.com/owner/name`; empty for one of the organisation
    paths: tuple[str, ...] = ()  # patterns as in .gitignore, for a directory's
    state: MemoryState = MemoryState.ACTIVE
    author: str = ""  # who said so, or whose file it is in
    origin: str = ""  # where: a comment's address, or "file:line"
    replaces: int = 0  # the memory that a pending one would take the place of; 0: none
    created_at: float = 0.0  # seconds since the epoch
    decided_by: str = ""  # who approved or discarded it; empty: nobody had to
    decided_at: float = 0.0  # 0: never

    @property
    def reach(self) -> str:
        """Where it holds, in words."""
        if self.scope is MemoryScope.ORGANISATION:
            return "all repositories"
        where = self.repository.partition("/")[2] or self.repository
        return where if self.scope is MemoryScope.REPOSITORY else f"{', '.join(self.paths)} of {where}"

    def holds_for(self, repository: str, paths: Sequence[str]) -> bool:
        """Whether a review of these paths is to be told of it."""
        if self.state is not MemoryState.ACTIVE:
            return False
        if self.scope is MemoryScope.ORGANISATION:
            return True
        if self.repository.lower() != repository.lower():  # forges take both for the same name
            return False
        return self.scope is MemoryScope.REPOSITORY or any(path_matches(path, self.paths) for path in paths)


def memory_text(text: str) -> str:
    """The text as it may be kept: without credentials and what nobody sees, on one line.

    Raises ValueError, with a sentence for people, if it says nothing or is too long.
    """
    shown = UNSEEN.sub(" ", _HIDDEN.sub(" ", text))
    kept = " ".join(redact_secrets(shown)[0].split())
    if not any(char.isalnum() for char in kept):
        raise ValueError("it says nothing")
    if len(kept) > MOST_TEXT:
        raise ValueError(f"it is longer than {MOST_TEXT} characters")
    return kept


def memory_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """The patterns of a directory's memory, each once. Raises ValueError, with a sentence, if one cannot be used."""
    kept = tuple(dict.fromkeys(path.strip() for path in paths))
    if not kept:
        raise ValueError("a directory's memory needs a path")
    if len(kept) > MOST_PATHS:
        raise ValueError(f"it has more than {MOST_PATHS} paths")
    for path in kept:
        if UNSEEN.search(path):
            raise ValueError("a path has a character that nobody sees")
        check_glob(path)
    if all(path.startswith("!") for path in kept):
        raise ValueError("the paths take nothing in")
    return kept
