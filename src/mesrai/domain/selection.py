"""Which part of a local repository a person asks to have reviewed."""

from dataclasses import dataclass
from enum import StrEnum


class SelectionKind(StrEnum):
    """What the change is taken from."""

    WORKING_TREE = "working tree"  # all that differs from HEAD: staged, unstaged and untracked
    STAGED = "staged"  # the index against HEAD
    COMMIT = "commit"  # one commit against its first parent
    BRANCH = "branch"  # what HEAD has since it left the named branch
    RANGE = "range"  # A..B, or A...B from their merge base


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to review. Paths are files or folders as the person wrote them, relative to where they stand."""

    kind: SelectionKind = SelectionKind.WORKING_TREE
    value: str = ""  # the commit, the branch or the range; unused otherwise
    paths: tuple[str, ...] = ()  # empty: everything
