"""Read the files of a change through its source, each once, and outline them."""

import asyncio
from typing import Final

from mesrai.domain.change import At
from mesrai.domain.file_text import is_binary, text_of
from mesrai.forges.forge import Source
from mesrai.review.code.symbols import Outline, parse

_AT_ONCE: Final = 16
_MOST_KEPT: Final = 24_000_000  # characters of text


class Reader:
    """The texts of a source. Outlines are made anew at each call: a syntax tree takes many times its text's memory."""

    def __init__(self, source: Source) -> None:
        """Read from `source`."""
        self._source = source
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._texts: dict[tuple[str, At], str | None] = {}
        self._kept = 0

    async def text(self, path: str, at: At = At.HEAD) -> str | None:
        """A file's text; None if there is no such file, or it is binary or too large. Errors: SourceError."""
        key = (path, at)
        if key in self._texts:
            return self._texts[key]
        async with self._gate:
            content = await self._source.file(path, at)
        text = None if content is None or is_binary(content) else text_of(content)
        if self._kept < _MOST_KEPT:
            self._texts[key] = text
            self._kept += len(text or "")
        return text

    async def outline(self, path: str, at: At = At.HEAD) -> Outline | None:
        """A file's outline; None where `text` is. Errors: SourceError."""
        text = await self.text(path, at)
        return None if text is None else parse(text, path)
