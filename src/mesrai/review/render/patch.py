"""Changed files as one patch that `git apply` takes."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_NO_END: Final = "\\ No newline at end of file\n"


def render_patch(files: Mapping[str, tuple[str, str]]) -> str:
    """`files`: path → the text before and after. One that does not change is left out."""
    return "".join(line for path in sorted(files) for line in _file(path, *files[path]))


def _file(path: str, before: str, after: str) -> Iterator[str]:
    old, new = before.split("\n"), after.split("\n")
    a, b = _named("a", path), _named("b", path)
    tab = "\t" * (" " in path and not a.startswith('"'))  # else the name would end at its first space
    lines = difflib.unified_diff(_with_ends(old), _with_ends(new), a + tab, b + tab)
    for at, line in enumerate(lines):
        if at == 0:
            yield f"diff --git {a} {b}\n"
        yield line if line.endswith("\n") else f"{line}\n{_NO_END}"


def _with_ends(lines: list[str]) -> list[str]:
    """Each line with its end; only a line feed ends one."""
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _named(side: str, path: str) -> str:
    """A path as git writes it: quoted if anything in it could be read otherwise."""
    name = f"{side}/{path}"
    if all(letter.isprintable() and letter not in _ESCAPES and letter.isascii() for letter in name):
        return name
    quoted = "".join(_ESCAPES.get(letter) or _octal(letter) for letter in name)
    return f'"{quoted}"'


def _octal(letter: str) -> str:
    if letter.isascii() and letter.isprintable():
        return letter
    return "".join(f"\\{byte:03o}" for byte in letter.encode("utf-8", "surrogateescape"))
