"""What an organisation told its reviewer to remember, and where it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.globs import path_matches


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

    def holds_for(self, repository: str, paths: Sequence[str]) -> bool:
        """Whether a review of these paths is to be told of it."""
        if self.state is not MemoryState.ACTIVE:
            return False
        if self.scope is MemoryScope.ORGANISATION:
            return True
        if self.repository != repository:
            return False
        return self.scope is MemoryScope.REPOSITORY or any(path_matches(path, self.paths) for path in paths)
