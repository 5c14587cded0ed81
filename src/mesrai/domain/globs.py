"""Path patterns in the manner of .gitignore, compiled so that matching takes time linear in the path for each pattern.

As in git: a pattern without a slash matches at any depth; a slash at the start or in the middle ties it to the root;
one at the end asks for a folder; `*` and `?` stop at slashes, `**` does not; a matched folder stands for all in it.
Beyond git: `{a,b}` means either, and after a leading `!`, which takes paths out again, a folder stands for all in it
too: the last pattern that matches decides, always.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

MAX_PATTERN_CHARS: Final = 512
MAX_ALTERNATIVES: Final = 64  # of one pattern, after its braces are written out

_ENDS_HERE: Final = "(?=/|$)"
_NOTHING: Final = "(?!)"


def path_matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether the patterns take `path` in. Raises ValueError for a pattern that `check_glob` refuses."""
    taken = False
    for negated, alternatives in _compiled(patterns):
        if taken == negated and any(regex.match(path) for regex in alternatives):
            taken = not negated
    return taken


def check_glob(pattern: str) -> None:
    """Raise ValueError, with a sentence for people, if the pattern cannot be used."""
    if not pattern.strip().strip("!/"):
        raise ValueError("the pattern is empty")
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN_CHARS} characters")
    _alternatives(pattern)


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> tuple[tuple[bool, tuple[re.Pattern[str], ...]], ...]:
    made = []
    for pattern in patterns:
        check_glob(pattern)
        negated = pattern.startswith("!")
        alternatives = _alternatives(pattern.removeprefix("!"))
        made.append((negated, tuple(re.compile(_regex(each), re.DOTALL) for each in alternatives)))
    return tuple(made)


def _regex(pattern: str) -> str:
    """The regular expression that matches the start of a path, up to the end of a segment.

    Groups that may start at several places are atomic: the first place is as good as any later one, because what
    follows may be at any distance. So there is nothing to try again, and no pattern takes quadratic time.
    """
    pattern = re.sub(r"^\./", "/", pattern)
    folder = pattern.endswith("/")
    pattern = pattern.rstrip("/")
    segments = ["**" if re.fullmatch(r"\*{2,}+", each) else each for each in pattern.lstrip("/").split("/")]
    if "/" not in pattern:
        segments.insert(0, "**")
    inside = segments[-1] == "**"
    parts = []
    for floating, run in _runs(segments):
        text = "/".join(_segment(each) for each in run) + _ENDS_HERE
        parts.append(f"(?>(?:[^/]++/)*?{text})" if floating else text)
    if folder and inside:
        parts.append("[^/]++")
    return "/".join(parts) + ("/" if folder or (inside and parts) else "")


def _runs(segments: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """The segments between double stars; the flag says whether a double star stands before."""
    runs: list[tuple[bool, list[str]]] = []
    floating = False
    for segment in segments:
        if segment == "**":
            floating = True
        elif floating or not runs:
            runs.append((floating, [segment]))
            floating = False
        else:
            runs[-1][1].append(segment)
    return runs


def _segment(segment: str) -> str:
    """The regular expression of one segment; each piece between stars is taken at its first place."""
    pieces = _pieces(segment)
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1] if piece)
    last = f"(?>[^/]*{pieces[-1]}{_ENDS_HERE})" if pieces[-1] else "[^/]*+"
    return pieces[0] + middle + last


def _pieces(segment: str) -> list[str]:
    """The segment cut at its stars, each piece as a regular expression of fixed length."""
    pieces = [""]
    at = 0
    while at < len(segment):
        mark = segment[at]
        if mark == "*":
            pieces.append("")
        elif mark == "?":
            pieces[-1] += "[^/]"
        elif mark == "[" and (end := _class_end(segment, at)):
            pieces[-1] += _class(segment[at + 1 : end])
            at = end
        elif mark == "\\" and at + 1 < len(segment):
            at += 1
            pieces[-1] += re.escape(segment[at])
        else:
            pieces[-1] += re.escape(mark)
        at += 1
    return pieces


def _class_end(segment: str, start: int) -> int:
    """Where the bracket opened at `start` closes; 0 if it does not, and then it is an ordinary character."""
    at = start + 1
    if segment[at : at + 1] in ("!", "^"):
        at += 1
    if segment[at : at + 1] == "]":
        at += 1
    while at < len(segment):
        if segment[at] == "\\":
            at += 1
        elif segment[at] == "]":
            return at
        at += 1
    return 0


def _class(inside: str) -> str:
    """A bracket expression as a regular expression for one character."""
    negated = inside[:1] in ("!", "^")
    members = re.findall(r"\\?(.)(?:-\\?(.))?", inside[1:] if negated else inside, re.DOTALL)
    ranges = [(first, last or first) for first, last in members]
    body = "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in ranges if first <= last)
    if negated:
        return f"[^/{body}]"
    return f"(?!/)[{body}]" if body else _NOTHING


def _alternatives(pattern: str) -> list[str]:
    """The pattern with its braces written out."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        text = waiting.pop()
        braces = _first_braces(text)
        if braces is None:
            done.append(text)
        else:
            start, end, options = braces
            waiting.extend(text[:start] + option + text[end + 1 :] for option in options)
        if len(done) + len(waiting) > MAX_ALTERNATIVES:
            raise ValueError(f"the braces stand for more than {MAX_ALTERNATIVES} patterns")
    return done


def _first_braces(text: str) -> tuple[int, int, list[str]] | None:
    """The first outermost braces that hold a comma: where they open and close, and what stands between the commas."""
    opened: list[int] = []
    commas: dict[int, list[int]] = {}
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        mark = text[at]
        if mark == "\\":
            at += 1
        elif mark == "{":
            opened.append(at)
        elif mark == "," and opened:
            commas.setdefault(opened[-1], []).append(at)
        elif mark == "}" and opened:
            start = opened.pop()
            if start in commas:
                found.append((start, at))
        at += 1
    if not found:
        return None
    start, end = min(found)
    cuts = [start, *commas[start], end]
    return start, end, [text[a + 1 : b] for a, b in pairwise(cuts)]
