"""A memory that a person writes down by hand, on the pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from mesrai.domain.memory import Memory, MemoryScope, memory_paths, memory_text
from mesrai.errors import MemoryRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a person wrote."""

    text: str
    scope: MemoryScope
    repository: str = ""  # such as github.com/owner/name
    paths: Sequence[str] = ()


def memory_from(written: Written, *, author: str, number: int = 0) -> Memory:
    """The memory, as it may be kept. Errors: MemoryRefused, in a sentence."""
    is_for_all = written.scope is MemoryScope.ORGANISATION
    if not is_for_all and not written.repository:
        raise MemoryRefused("Choose the repository that it holds for.")
    try:
        return Memory(
            id=number,
            text=memory_text(written.text),
            scope=written.scope,
            repository="" if is_for_all else written.repository,
            paths=memory_paths(written.paths) if written.scope is MemoryScope.DIRECTORY else (),
            author=author,
        )
    except ValueError as problem:
        raise MemoryRefused(f"This cannot be remembered: {problem}.") from None
