"""What is under review: a revision and its file diffs."""

from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.diff import FileDiff


class At(StrEnum):
    """Which end of the compared pair, or the state whose configuration and documents hold."""

    BASE = "base"
    HEAD = "head"
    TARGET = "target"  # where the work left its target; the base, unless only the newest commits are under review


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The exact pair compared; each end is a commit id, or a name for what is not committed."""

    base: str  # a full commit id, or "empty" for the first commit
    head: str  # a full commit id, "index" or "working tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is under review."""

    revision: Revision
    files: tuple[FileDiff, ...]
    title: str = ""
    description: str = ""
    notices: tuple[str, ...] = ()  # what the reader should know of how the change was taken, e.g. a shallow clone
