"""Take the file diffs of a local change: what git prints, and what it leaves to us."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesrai.domain.change import Revision
from mesrai.domain.diff import Action, FileDiff, FileKind
from mesrai.domain.unified_diff import read_diff
from mesrai.forges.filtered import MOST_POINTER, Compared, account_for_filters
from mesrai.forges.git import LARGE_FILE, Git
from mesrai.forges.listing import names_of
from mesrai.forges.objects import Objects
from mesrai.forges.repository import Repository
from mesrai.forges.revisions import EMPTY, INDEX, WORKING_TREE
from mesrai.forges.together import together
from mesrai.forges.untracked import Untracked, read_untracked
from mesrai.forges.work_tree import find_state, is_under, named

# The histogram algorithm takes 10 s for a file of 50,000 lines of which every other one changed; this one 0.1 s.
# Everything that configuration could change in the output is said again. Submodules are never entered: to look for
# changes inside one, git would run with that one's configuration.
_DIFF = (
    *("--full-index", "--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "--submodule=short"),
    *("--src-prefix=a/", "--dst-prefix=b/", f"-O{os.devnull}", "--find-renames", "-l1000"),
    "--diff-filter=u",  # git names an unmerged path, then prints it as modified; this leaves out the first
)
_MOST_RENAMES = 1_000  # whose old names are added to the paths of a narrowed diff


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a change consists of."""

    files: tuple[FileDiff, ...]  # sorted by path
    notices: tuple[str, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)  # of untracked files, as their diffs show them


async def take_committed(
    repository: Repository, revision: Revision, paths: Sequence[str] = (), *, without: Sequence[str] = ()
) -> Taken:
    """The difference between two commits, or of the index to a commit; `without` are files that git must not open.

    Errors: SourceError.
    """
    files = _sorted(await _read_tracked(repository, revision, paths, without))
    unmerged = await _unmerged(repository.git, paths) if revision.head == INDEX else ()
    notice = f"Left out, for they have merge conflicts and so are not staged: {named(unmerged)}."
    return Taken(files=files, notices=(notice,) if unmerged else ())


async def take_working_tree(
    repository: Repository, objects: Objects, revision: Revision, paths: Sequence[str], untracked: Sequence[str]
) -> Taken:
    """The difference of the working tree to a commit, with untracked files.

    Errors: SourceError, UserError if there is too much.
    """
    new = [path for path in untracked if is_under(path.rstrip("/"), paths)]
    async with together() as group:
        tracked = group.create_task(_read_tracked(repository, revision, paths))
        unmerged = group.create_task(_unmerged(repository.git, paths))
        reading = group.create_task(_read_new(repository, new))
    added = reading.result()
    compared = await _without_filters(repository, objects, revision.base, tracked.result())
    joined, kept_notices = _joined(compared.files, added.files)
    files = _sorted(joined)
    notices = [*compared.notices, *added.notices, *kept_notices]
    if conflicts := unmerged.result():
        notices.append(f"They have merge conflicts and are shown as they lie in the working tree: {named(conflicts)}.")
    large = [file.path for file in files if file.kind is FileKind.BINARY and _is_large(repository.root, file.path)]
    if large:
        notices.append(f"Taken for binary, being larger than {LARGE_FILE >> 20} MiB: {named(large)}.")
    return Taken(files=files, notices=tuple(notices), contents=added.contents)


async def _read_tracked(
    repository: Repository, revision: Revision, paths: Sequence[str], without: Sequence[str] = ()
) -> tuple[FileDiff, ...]:
    ends = _ends_of(repository, revision)
    wanted = [*paths, *await _old_names(repository.git, ends, paths)] if paths else []
    git = repository.git
    if without:
        git = git.at(repository.root, variables={"GIT_LITERAL_PATHSPECS": "0"})
        wanted = [*(f":(literal){path}" for path in wanted), *(f":(exclude,literal){path}" for path in without)]
    out = await git.run("diff", "--patch", *_DIFF, *ends, "--", *wanted)
    files = await asyncio.to_thread(read_diff, out)
    return tuple(file for file in files if is_under(file.path, paths))


def _ends_of(repository: Repository, revision: Revision) -> tuple[str, ...]:
    base = repository.empty_tree if revision.base == EMPTY else revision.base
    if revision.head == WORKING_TREE:
        return (base,)
    return ("--cached", base) if revision.head == INDEX else (base, revision.head)


async def _old_names(git: Git, ends: Sequence[str], paths: Sequence[str]) -> list[str]:
    """The old names of files that were moved into `paths`; without them git would take such a file for a new one."""
    out = await git.run("diff", "--name-status", "-z", *_DIFF, "--diff-filter=R", *ends, "--")
    names = names_of(out)  # status, old name, new name; and again
    moved = [old for old, new in zip(names[1::3], names[2::3], strict=True) if is_under(new, paths)]
    return [old for old in moved if not is_under(old, paths)][:_MOST_RENAMES]


async def _unmerged(git: Git, paths: Sequence[str]) -> list[str]:
    out = await git.run("ls-files", "-z", "--unmerged", "--", *paths)
    return list(dict.fromkeys(record.partition("\t")[2] for record in names_of(out)))


async def _read_new(repository: Repository, paths: Sequence[str]) -> Untracked:
    attributes = await _attributes(repository.git, "diff", paths)
    return await asyncio.to_thread(read_untracked, repository.root, paths, attributes)


async def _attributes(git: Git, name: str, paths: Sequence[str]) -> dict[str, str]:
    """One git attribute of each path."""
    if not paths:
        return {}
    asked = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    out = await git.run("check-attr", "-z", "--stdin", name, stdin=asked)
    words = out.decode("utf-8", "surrogateescape").split("\0")  # path, attribute, value; and again
    return dict(zip(words[0::3], words[2::3], strict=False))


async def _without_filters(repository: Repository, objects: Objects, base: str, files: Sequence[FileDiff]) -> Compared:
    """The files, with those accounted for that are stored through a filter of the configuration."""
    if not repository.filters:
        return Compared(files=tuple(files), notices=())
    present = [file.path for file in files if file.action is not Action.DELETED]
    attributes = await _attributes(repository.git, "filter", present)
    filters = {path: name for path, name in attributes.items() if name in repository.filters}
    pointers: dict[str, bytes] = {}
    for file in files:
        if file.path in filters and file.action is not Action.ADDED:
            entry = await objects.find(base, file.base_path)
            content = await objects.blob(entry.id, MOST_POINTER) if entry and entry.is_file else None
            pointers[file.path] = content or b""
    return await asyncio.to_thread(account_for_filters, repository.root, files, filters, pointers)


def _joined(tracked: Sequence[FileDiff], new: Sequence[FileDiff]) -> tuple[list[FileDiff], list[str]]:
    """Both together, where an untracked file with the very lines of one deleted file is that file moved."""
    deleted = {file.path: file for file in tracked if file.action is Action.DELETED}
    still_there = [file.path for file in new if file.path in deleted]
    new = [file for file in new if file.path not in deleted]
    gone = _by_text(deleted.values())
    came = _by_text(new)
    moves = {came[text].path: gone[text] for text in gone.keys() & came.keys()}
    moved = {file.path for file in moves.values()}
    files = [file for file in tracked if file.path not in moved]
    files += [_moved(moves[file.path], file) if file.path in moves else file for file in new]
    notice = f"Staged as deleted but still on disk, where they were not reviewed: {named(still_there)}."
    return files, [notice] if still_there else []


def _by_text(files: Iterable[FileDiff]) -> dict[tuple[str, ...], FileDiff]:
    """The text files by their lines, but for empty ones and those that have the lines of another."""
    found: dict[tuple[str, ...], list[FileDiff]] = {}
    for file in files:
        if file.kind is FileKind.TEXT and file.hunks:
            found.setdefault(tuple(line.text for line in file.hunks[0].lines), []).append(file)
    return {text: same[0] for text, same in found.items() if len(same) == 1}


def _moved(old: FileDiff, new: FileDiff) -> FileDiff:
    return FileDiff(
        path=new.path, old_path=old.path, action=Action.RENAMED, old_mode=old.old_mode, new_mode=new.new_mode
    )


def _is_large(root: Path, path: str) -> bool:
    state = find_state(root, path)
    return state is not None and state.st_size > LARGE_FILE


def _sorted(files: Sequence[FileDiff]) -> tuple[FileDiff, ...]:
    return tuple(sorted(files, key=lambda file: file.path))
