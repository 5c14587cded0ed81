"""What log lines are about: facts that every line of a task carries, such as a review and its pull request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ABOUT: Final[ContextVar[Mapping[str, str] | None]] = ContextVar("about", default=None)


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """Every log line from inside the block, and from tasks that begin there, carries these facts too. No secrets."""
    before = _ABOUT.set({**subject_now(), **facts})
    try:
        yield
    finally:
        _ABOUT.reset(before)


def about_from_here(**facts: str) -> None:
    """Every further line of this task carries these facts, whoever writes it after us."""
    _ABOUT.set({**subject_now(), **facts})


def subject_now() -> Mapping[str, str]:
    """The facts that a line written now carries."""
    return _ABOUT.get() or {}
