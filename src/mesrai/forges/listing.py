"""List what a commit, the index or the working tree holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesrai.forges.git import Git
from mesrai.forges.objects import Entry
from mesrai.forges.together import together

_ON_DISK = ""  # in place of an object's id: the content lies in the working tree


@dataclass(frozen=True, slots=True, kw_only=True)
class _Indexed:
    """One path of the index."""

    entry: Entry
    is_sparse: bool  # left out of the working tree by a sparse checkout


async def list_untracked(git: Git) -> list[str]:
    """Untracked paths that are not ignored; a folder that is a repository of its own ends with a slash.

    Errors: SourceError.
    """
    return names_of(await git.run("ls-files", "-z", "--others", "--exclude-standard"))


async def list_commit(git: Git, commit: str, folder: str = "") -> Mapping[str, Entry]:
    """Every path of a commit, or every one below a folder. Errors: SourceError."""
    entries = {}
    narrowed = ("--", folder.rstrip("/") + "/") if folder else ()
    out = await git.run("ls-tree", "-r", "-z", "--full-tree", commit, *narrowed)
    for record in names_of(out):  # mode, type, id, tab, path
        facts, _, path = record.partition("\t")
        mode, _, oid = facts.split(" ")
        entries[path] = Entry(mode=mode, id=oid)
    return entries


async def files_below(git: Git, commit: str, folder: str) -> list[str]:
    """The paths of all regular files below a folder of a commit, sorted. Errors: SourceError."""
    return sorted(path for path, entry in (await list_commit(git, commit, folder)).items() if entry.is_file)


async def list_index(git: Git) -> Mapping[str, Entry]:
    """Every path of the index; of an unmerged one, our side. Errors: SourceError."""
    return {path: indexed.entry for path, indexed in (await _read_index(git)).items()}


async def list_working_tree(git: Git, untracked: Sequence[str]) -> Mapping[str, Entry]:
    """Every tracked or untracked path on disk, its id empty; and with their ids those a sparse checkout leaves out.

    Errors: SourceError.
    """
    async with together() as group:
        index = group.create_task(_read_index(git))
        gone = group.create_task(git.run("ls-files", "-z", "--deleted"))
    entries = {
        path: indexed.entry if indexed.is_sparse else Entry(mode=indexed.entry.mode, id=_ON_DISK)
        for path, indexed in index.result().items()
    }
    for path in names_of(gone.result()):
        entries.pop(path, None)
    return entries | {path: Entry(mode="100644", id=_ON_DISK) for path in untracked if not path.endswith("/")}


def names_of(out: bytes) -> list[str]:
    """The paths that git printed with NULs after them."""
    return [name for name in out.decode("utf-8", "surrogateescape").split("\0") if name]


async def _read_index(git: Git) -> Mapping[str, _Indexed]:
    entries: dict[str, _Indexed] = {}
    for record in names_of(await git.run("ls-files", "-z", "-t", "--stage")):  # tag, mode, id, stage, tab, path
        facts, _, path = record.partition("\t")
        tag, mode, oid, stage = facts.split(" ")
        if stage in ("0", "2") or path not in entries:
            entries[path] = _Indexed(entry=Entry(mode=mode, id=oid), is_sparse=tag == "S")
    return entries
