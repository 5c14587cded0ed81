"""Parse source text with a grammar, within bounds that no file can break."""

import re
import time
import zlib
from functools import cache
from importlib import import_module
from itertools import accumulate, count
from typing import Final

import tree_sitter

MOST_BYTES: Final = 2 * 1024 * 1024
_CHUNK: Final = 65_536
# The parser calls back once in 100 steps. Of 6,000 files of twelve languages none needs over 20 calls a 1,000 bytes and
# 150 more; text that makes the parser guess ever more, and take memory with the square of its length, needs 60 to 300.
_MOST_CALLS: Final = 150
_MOST_CALLS_PER_BYTE: Final = 0.03
_PARSE_S: Final = 0.25  # CPU time for any file; ordinary code takes 0.1 to 0.3 s a MiB
_PARSE_S_PER_BYTE: Final = 2e-6
_DEEPEST: Final = 1_000  # brackets open at once
_MOST_ANGLES: Final = 400  # unclosed < in one statement
# Text that repeats itself can make a parser take memory with the square of its length at the very end, where it calls
# nobody back. Of 11,000 files two have a stretch of this length that zlib packs this well; plain repetition does 50.
_STRETCH: Final = 1_500  # bytes
_MOST_PACKED: Final = 13
_LONG_WORD: Final = re.compile(rb"[\w\x80-\xff]{9,}")
_FEW_TOKENS: Final = 200  # bytes that remain; fewer cannot blow up
_BRACKETS: Final = bytes(set(range(256)) - set(b"()[]{}"))
_DEPTHS: Final = bytes.maketrans(b"([{)]}", b"\2\2\2\0\0\0")
_ANGLES: Final = bytes(set(range(256)) - set(b"<>;{}"))
_STATEMENT_END: Final = re.compile(rb"[;{}]")


def find_tree(source: bytes, grammar: tree_sitter.Language, *, nests_angles: bool) -> tree_sitter.Tree | None:
    """The syntax tree of UTF-8 text. None where parsing would take too much.

    `nests_angles`: the grammar takes any < for the start of type arguments, and guesses until it closes.


    Error recovery in generated parsers can take memory and time far out of proportion to the text, so text that
    is nested or repeated absurdly is not tried, and a parse that takes too many steps is given up.
    """
    if len(source) > MOST_BYTES or _is_absurd(source, nests_angles):
        return None
    parser = tree_sitter.Parser(grammar)
    until = time.thread_time() + _PARSE_S + _PARSE_S_PER_BYTE * len(source)
    calls = count(1)

    # Bytes and no view of them: the tree calls this again when a query asks for a node's text, and 0.26 of the library
    # then reads a view's memory after it is gone.
    def read(offset: int, _point: tree_sitter.Point) -> bytes:
        return source[offset : offset + _CHUNK]

    def is_too_much(offset: int, _has_error: bool) -> bool:
        return next(calls) > _MOST_CALLS + _MOST_CALLS_PER_BYTE * offset or time.thread_time() > until

    try:
        return parser.parse(read, progress_callback=is_too_much)
    except ValueError:  # given up
        return None


@cache
def load_grammar(module: str, loader: str) -> tree_sitter.Language:
    """The grammar that a function of an installed module gives; loaded once."""
    return tree_sitter.Language(getattr(import_module(module), loader)())


def _is_absurd(source: bytes, nests_angles: bool) -> bool:
    brackets = source.translate(None, _BRACKETS)
    if len(brackets) > _DEEPEST and max(accumulate(step - 1 for step in brackets.translate(_DEPTHS))) > _DEEPEST:
        return True
    if _repeats_itself(source):
        return True
    if not nests_angles:
        return False
    runs = _STATEMENT_END.split(source.translate(None, _ANGLES))
    return any(len(run) > _MOST_ANGLES and run.count(b"<") - run.count(b">") > _MOST_ANGLES for run in runs)


def _repeats_itself(source: bytes) -> bool:
    stretches = (source[at : at + _STRETCH] for at in range(0, len(source) - _STRETCH + 1, _STRETCH))
    return any(_packs_well(each) and _packs_well(_without_filling(each)) for each in stretches)


def _without_filling(text: bytes) -> bytes:
    """The text with short words and white space: their length costs the parser nothing, whatever repeats in it."""
    words = _LONG_WORD.sub(b"x", b" ".join(text.split()))
    return words if len(words) >= _FEW_TOKENS else b""


def _packs_well(text: bytes) -> bool:
    return len(zlib.compress(text, 1)) * _MOST_PACKED < len(text) if text else False
