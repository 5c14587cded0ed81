"""A request and its answer, as they went over the wire."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer, as they went over the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes
