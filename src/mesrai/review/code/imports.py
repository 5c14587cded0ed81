"""From an import statement to the files of the repository that it may mean."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Final

from mesrai.review.code.language import Imports, Language
from mesrai.review.code.languages import CODE_SUFFIXES, language_of

_MOST_TARGETS: Final = 40
_STANDS_FOR_FOLDER: Final = frozenset({"__init__", "index", "mod", "lib", "main"})
_QUOTED: Final = re.compile(r"[\"'<]([^\"'<>\n]{1,300})[\"'>]")
_FROM: Final = re.compile(r"\s*from\s+(\.*)\s*([\w.]*)\s+import\b(.*)", re.DOTALL)
_DOTTED: Final = re.compile(r"\w+(?:\s*\.\s*\w+)*")
_NAME: Final = re.compile(r"\w+")
_GROUP: Final = re.compile(r"([\w:\\]*)(?:::|\\)\{([^{}]*)\}")
_RENAMED: Final = re.compile(r"\bas\s+\w+")
_NOT_PATHS: Final = frozenset(
    "import from static use using crate self super pub extern namespace function const global".split()
)


def targets_of(statement: str, language: Language, path: str) -> Sequence[str]:
    """What the statement may mean, as paths without suffix; those relative to the importing file begin with "./"."""
    text = _RENAMED.sub("", statement)
    match language.import_style:
        case Imports.QUOTED:
            found = _quoted(text, path)
        case Imports.DOTTED:
            found = _dotted(text, path)
        case Imports.BACKSLASHES if "use" not in text.split():
            found = _quoted(text, path)
        case _:
            found = _separated(text)
    return list(dict.fromkeys(target for target in found if target))[:_MOST_TARGETS]


class PathIndex:
    """The paths of a tree, found by how they end."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Index the paths."""
        self.paths = frozenset(paths)
        self._by_stem: dict[str, list[str]] = {}
        for path in self.paths:
            stem = _stem(path)
            folder, _, last = stem.rpartition("/")
            self._by_stem.setdefault(last, []).append(path)
            if last in _STANDS_FOR_FOLDER and folder:
                self._by_stem.setdefault(folder.rpartition("/")[2], []).append(path)

    def find(self, target: str, importing: str, *, most: int = 2) -> Sequence[str]:
        """The files that a target may mean, the likeliest first; none if it is not in the tree."""
        relatives = language_of(importing).relatives
        parts = target.split("/")
        ranked = [
            (_common_end(parts, path), _common_start(importing, path), path)
            for path in self._by_stem.get(parts[-1], ())
            if path != importing and language_of(path).relatives == relatives
        ]
        if parts[0] == ".":
            inside = "/".join(parts[1:])
            return [path for _, _, path in ranked if inside in (_stem(path), _stem(path).rpartition("/")[0])][:most]
        needed = min(2, len(parts))
        fitting = sorted(((-end, -start, path) for end, start, path in ranked if end >= needed))
        return [path for end, _, path in fitting if end == fitting[0][0]][:most]

    def with_stem(self, stem: str) -> Sequence[str]:
        """The files whose name without suffix is this one."""
        return self._by_stem.get(stem, ())


def guesses_for(target: str, importing: str) -> Sequence[str]:
    """Paths to try for a target where the tree cannot be listed."""
    suffix = PurePosixPath(importing).suffix
    bare = target.removeprefix("./")
    return (bare + suffix, f"{bare}/{'__init__' if suffix == '.py' else 'index'}{suffix}")


def _quoted(text: str, path: str) -> list[str]:
    folder = PurePosixPath(path).parent.as_posix()
    found: list[str] = []
    for raw in _QUOTED.findall(text):
        if raw.startswith(".") or "require_relative" in text or "__DIR__" in text:
            found.append(_relative(folder, raw.lstrip("/")))
            continue
        bare = _stem(raw.removeprefix("@/").removeprefix("~/").lstrip("/"))
        found += [_relative(folder, raw), bare] if text.lstrip().startswith("#") else [bare]
    return found


def _dotted(text: str, path: str) -> list[str]:
    found = _FROM.match(text)
    if found is not None:
        dots, module, names = found.groups()
        base = module.replace(".", "/")
        if dots:
            folder = PurePosixPath(path).parent
            for _ in dots[1:]:
                folder = folder.parent
            base = _relative(folder.as_posix(), base or ".")
        members = [f"{base}/{name}".removeprefix("/") for name in _NAME.findall(names.split("#")[0])]
        return [base, *members]
    targets: list[str] = []
    for dotted in _DOTTED.findall(text):
        names = [name for name in re.split(r"\s*\.\s*", dotted) if name not in _NOT_PATHS]
        targets += ["/".join(names), "/".join(names[:-1])] if len(names) > 2 else ["/".join(names)]
    return targets


def _separated(text: str) -> list[str]:
    """Of statements that join names with :: or backslashes, and list some in braces."""
    whole = [f"{prefix}::{name.strip()}" for prefix, names in _GROUP.findall(text) for name in names.split(",")]
    whole += re.findall(r"\w+(?:(?:::|\\)\w+)*", _GROUP.sub(r"\1", text))
    targets: list[str] = []
    for each in whole:
        names = [name for name in re.split(r"::|\\", each) if name and name not in _NOT_PATHS]
        targets += ["/".join(names), "/".join(names[:-1])] if len(names) > 1 else ["/".join(names)]
    return targets


def _relative(folder: str, raw: str) -> str:
    joined = normpath(f"{folder}/{raw}")
    return "" if joined.startswith("..") else f"./{_stem(joined).removeprefix('./')}"


def _stem(path: str) -> str:
    """The path without its suffix, if that is one of code."""
    bare, dot, suffix = path.rpartition(".")
    return bare if dot and "." + suffix in CODE_SUFFIXES and bare[-1:] not in ("", "/", ".") else path


def _common_end(parts: Sequence[str], path: str) -> int:
    """How many of the parts, from the last, the path ends with."""
    own = _stem(path).split("/")
    if own[-1] in _STANDS_FOR_FOLDER and own[-1] != parts[-1]:
        own.pop()
    count = 0
    for one, other in zip(reversed(parts), reversed(own), strict=False):
        if one != other:
            break
        count += 1
    return count


def _common_start(one: str, other: str) -> int:
    """How many folders from the root two paths share."""
    count = 0
    for left, right in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count
