"""Find the local repository that a folder belongs to, and make git safe to use in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mesrai.errors import NotARepository, UserError
from mesrai.forges.git import Git, failure_of
from mesrai.forges.work_tree import shown

_EMPTY_TREES = {  # ids of the tree without entries, which git knows without having it
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository."""

    root: Path  # of the working tree, or the folder of a bare repository; a real path
    git: Git  # runs in the root, with all filters off
    filters: frozenset[str]  # the names of the filters that are off
    shallow: frozenset[str]  # the commits at which a shallow clone ends
    empty_tree: str
    is_bare: bool = False  # it has no working tree


def empty_tree_of(object_format: str) -> str:
    """The id of the tree without entries."""
    return _EMPTY_TREES.get(object_format, _EMPTY_TREES["sha1"])


async def find_repository(folder: Path, environ: Mapping[str, str]) -> Repository:
    """The repository around the folder. Errors: NotARepository, also for one without a working tree; SourceError."""
    git = Git(folder, environ)
    flags = ("--is-bare-repository", "--is-inside-work-tree", "--is-shallow-repository", "--show-object-format")
    ended = await git.ask("rev-parse", *flags, "--show-toplevel", accept=(0, 128))
    is_bare, is_inside, is_shallow, object_format, top = (
        ended.out.decode("utf-8", "surrogateescape") + "\n" * 5
    ).split("\n", 4)
    if is_bare == "true":
        raise NotARepository("This is a bare repository, without files to review. Use a clone or a worktree of it.")
    if is_inside == "false":
        raise NotARepository("This folder is inside git's own folder. Go to the files of the repository.")
    if ended.code != 0:
        raise failure_of("rev-parse", ended)
    root = _real(top.rstrip("\n"))
    git_folder = Path(os.fsdecode((await git.run("rev-parse", "--absolute-git-dir")).removesuffix(b"\n")))
    _check_root(root, git_folder)
    git = git.at(root, variables=_index_of(folder, git_folder, environ))
    git, filters = await git.without_filters()
    return Repository(
        root=root,
        git=git,
        filters=filters,
        shallow=await _shallow_commits(git) if is_shallow == "true" else frozenset(),
        empty_tree=empty_tree_of(object_format),
    )


def path_in(repository: Repository, folder: Path, path: str) -> str:
    """The path as git names it, from one relative to `folder`; empty for the whole tree.

    Errors: UserError if it is outside the working tree.
    """
    full = _real(folder) / path
    # The last part may itself be a symbolic link, which is then what is meant.
    real = _real(full) if full.name in ("", "..") else _real(full.parent) / full.name
    try:
        inner = real.relative_to(repository.root)
    except ValueError as error:
        raise UserError(f"The path {shown(path)} is outside the repository {repository.root}.") from error
    return "" if inner == Path() else inner.as_posix()


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


def _check_root(root: Path, git_folder: Path) -> None:
    """A repository's configuration may name any folder as its working tree; only the one around it is taken."""
    link = root / ".git"
    target = link
    if link.is_file():
        named = link.read_bytes().removeprefix(b"gitdir:").strip()
        target = root / os.fsdecode(named)
    if not target.is_dir() or not git_folder.is_dir() or not target.samefile(git_folder):
        raise NotARepository(
            f"The repository {git_folder} names {root} as its working tree (core.worktree), which is not its own. "
            "Only a working tree with its own .git is reviewed."
        )


def _index_of(folder: Path, git_folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The index that git gives a hook for `git commit -a` or `git commit PATH`, if we run in one of this repository."""
    value = environ.get("GIT_INDEX_FILE")
    if not value:
        return {}
    index = Path(os.path.realpath(folder / value))
    is_ours = index.is_file() and index.parent.samefile(git_folder)
    return {"GIT_INDEX_FILE": str(index)} if is_ours else {}


async def _shallow_commits(git: Git) -> frozenset[str]:
    place = os.fsdecode((await git.run("rev-parse", "--git-path", "shallow")).removesuffix(b"\n"))
    return frozenset((git.folder / place).read_text(encoding="ascii").split())
