"""Throw-away repositories with a made-up but lifelike change of a given number of files, the same ones every time.

The repository has about 160 files in Python, TypeScript and Go on the branch `main`; the branch `feature` edits some in
several places each, adds some, moves one and deletes one. To look at one: python benchmarks/changes.py 15 /tmp/there
"""

import argparse
import os
import random
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from change_texts import LANGUAGES

SIZES = (3, 15, 83)
BASE, HEAD = "main", "feature"
_NOUNS = (
    "order invoice parcel ticket voucher account booking coupon delivery payment refund shipment statement supplier "
    "warehouse route driver customer contract campaign "
).split()
_FIELDS = ("amount", "weight", "balance", "distance", "quota", "volume", "discount", "priority")
_GIT = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "2025-01-06T10:00:00Z",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": "2025-01-06T10:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeChange:
    """A repository with `feature` checked out, and what git says was added since `main`."""

    root: Path
    files: tuple[str, ...]  # all changed paths; of a moved file the new one
    added: Mapping[str, frozenset[tuple[int, str]]]  # path → added lines: number, text without margin

    @property
    def added_count(self) -> int:
        """Added lines that hold something; an empty line says nothing whoever sees it."""
        return sum(len(lines) for lines in self.added.values())


def make_change(size: int, root: Path) -> MadeChange:
    """Make the repository at `root`, which must not exist, with a change of `size` files. The same for each call."""
    chance = random.Random(size)
    root.mkdir(parents=True)
    _git(root, "init", "-q", "-b", BASE)
    plan = _plan()
    for path, (text, _) in plan.items():
        _write(root / path, text)
    _write(root / "README.md", "# Depot\n\nOrders, parcels and what is owed for them.\n")
    _commit(root, "All there is")
    _git(root, "checkout", "-q", "-b", HEAD)
    paths = sorted(plan)
    chance.shuffle(paths)
    new_count = size // 7
    for path in paths[: size - new_count]:
        _edit(root / path, plan[path][1], chance)
    for number in range(new_count):
        path, text = _new_file(number, chance)
        _write(root / path, text)
    if size > 10:
        (root / paths[0]).rename((root / paths[0]).with_stem(f"moved_{size}"))
        (root / paths[1]).unlink()
    _commit(root, "Check records as they are read, and bound what is read")
    return MadeChange(root=root, files=_changed(root), added=_added(root))


def _plan() -> Mapping[str, tuple[str, Sequence[tuple[str, str]]]]:
    """Path → the file's text on `main`, and its functions before and after."""
    planned = {}
    for at, noun in enumerate(_NOUNS):
        for number, language in enumerate((*LANGUAGES, *LANGUAGES[:2], *LANGUAGES)):
            field = _FIELDS[(at + number) % len(_FIELDS)]
            name = ("", "_store", "_report")[number // 3] if number < 5 else f"_{field}"
            path = f"{language.folder}/{noun}/{noun}{name}{language.suffix}"
            order = [*language.units[number % 3 :], *language.units[: number % 3]]
            units = [(_named(old, noun, field), _named(new, noun, field)) for old, new in order]
            text = "\n".join([_named(language.head, noun, field), *(old for old, _ in units)])
            planned[path] = (text, units)
    return planned


def _edit(path: Path, units: Sequence[tuple[str, str]], chance: random.Random) -> None:
    """Change some of its functions, most often two or three that do not touch."""
    text = path.read_text("utf-8")
    count = chance.choice((1, 2, 2, 3, 3, 4))
    for old, new in chance.sample(list(units), count):
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


def _new_file(number: int, chance: random.Random) -> tuple[str, str]:
    language = LANGUAGES[number % len(LANGUAGES)]
    noun, field = chance.choice(_NOUNS), chance.choice(_FIELDS)
    units = chance.sample([new for _, new in language.units], 3)
    text = "\n".join(_named(part, noun, field) for part in [language.head, *units])
    return f"{language.folder}/{noun}/{noun}_checked_{number}{language.suffix}", text


def _named(text: str, noun: str, field: str) -> str:
    return text.replace("Item", noun.title()).replace("item", noun).replace("Amount", field.title()).replace(
        "amount", field
    )  # fmt: skip


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, env={**os.environ, **_GIT}
    )
    return done.stdout.decode()


def _commit(root: Path, message: str) -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", message)


def _changed(root: Path) -> tuple[str, ...]:
    return tuple(_git(root, "diff", "--name-only", "-M", f"{BASE}...{HEAD}").splitlines())


def _added(root: Path) -> dict[str, frozenset[tuple[int, str]]]:
    found: dict[str, set[tuple[int, str]]] = {}
    path, at = "", 0
    for line in _git(root, "diff", "-U0", "-M", f"{BASE}...{HEAD}").splitlines():
        if line.startswith("+++ "):
            path = line[6:]
        elif line.startswith("@@"):
            at = int(re.findall(r"\+(\d+)", line)[0])
        elif line.startswith("+"):
            if line[1:].strip():
                found.setdefault(path, set()).add((at, line[1:].strip()))
            at += 1
    return {path: frozenset(lines) for path, lines in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", type=int, help="how many files the change has")
    parser.add_argument("root", type=Path, help="where to make it; must not exist")
    given = parser.parse_args()
    made = make_change(given.size, given.root)
    print(f"{made.root}: {len(made.files)} files changed, {made.added_count} lines added that are not blank")


if __name__ == "__main__":
    main()
