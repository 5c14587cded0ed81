"""Find out which two states of a repository a selection compares."""

import difflib
import re
from dataclasses import dataclass

from mesrai.domain.change import Revision
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import UnknownRevision
from mesrai.forges.git import Git
from mesrai.forges.objects import Objects
from mesrai.forges.repository import Repository
from mesrai.forges.work_tree import shown

EMPTY = "empty"
INDEX = "index"
WORKING_TREE = "working tree"

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST_COMMITS = 50
_MOST_MESSAGE = 2_000  # characters of one commit's message
_MOST_DESCRIPTION = 12_000
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is compared."""

    revision: Revision
    notices: tuple[str, ...] = ()
    label: str = ""  # how the person named it


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the author says of the change."""

    title: str
    description: str


async def find_pair(repository: Repository, objects: Objects, selection: Selection) -> Pair:
    """The two ends of the selection. Errors: UnknownRevision, SourceError."""
    match selection.kind:
        case SelectionKind.WORKING_TREE | SelectionKind.STAGED:
            head = INDEX if selection.kind is SelectionKind.STAGED else WORKING_TREE
            return Pair(revision=Revision(base=await _find_commit(repository.git, "HEAD") or EMPTY, head=head))
        case SelectionKind.COMMIT:
            return await _commit_pair(repository, objects, selection.value)
        case SelectionKind.BRANCH:
            return await _branch_pair(repository, selection.value)
        case SelectionKind.RANGE:
            return await _range_pair(repository, selection.value)


async def read_message(git: Git, pair: Pair) -> Message:
    """The commits' messages, or the branch's name where the change is not committed. Errors: SourceError."""
    revision = pair.revision
    if revision.head in (INDEX, WORKING_TREE):
        ended = await git.ask("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        branch = ended.out.decode("utf-8", "replace").strip()
        return Message(title=branch or f"detached at {revision.base[:12]}", description="")
    listed = revision.head if revision.base == EMPTY else f"{revision.base}..{revision.head}"
    span = ("--no-merges", f"-{_MOST_COMMITS}", listed) if pair.label else ("-1", revision.head)
    form = f"--format=%s{_SEPARATOR}%b"
    out = await git.run("log", "-z", "--no-color", "--no-show-signature", "--no-follow", form, *span, "--")
    commits = [record.split(_SEPARATOR, 1) for record in out.decode("utf-8", "replace").split("\0") if record]
    if len(commits) == 1:
        return Message(title=commits[0][0], description=_cut(commits[0][-1]))
    told = "\n".join(f"- {subject}\n{_indented(body)}".rstrip() for subject, body in commits)
    return Message(title=pair.label, description=told[:_MOST_DESCRIPTION])


async def _commit_pair(repository: Repository, objects: Objects, name: str) -> Pair:
    commit = await _commit_named(repository, name)
    parents = await objects.parents(commit)
    if commit in repository.shallow and parents:
        notice = (
            f"This shallow clone ends at {commit[:12]}, so all its files appear as new. "
            "To see only what the commit changed, run: git fetch --deepen=1"
        )
        return Pair(revision=Revision(base=EMPTY, head=commit), notices=(notice,))
    notices = (f"{commit[:12]} is a merge; it is compared with its first parent.",) if len(parents) > 1 else ()
    return Pair(revision=Revision(base=parents[0] if parents else EMPTY, head=commit), notices=notices)


async def _branch_pair(repository: Repository, name: str) -> Pair:
    other, head = await _commit_named(repository, name), await _commit_named(repository, "HEAD")
    base = await _merge_base(repository, name, other, head)
    notice = f"HEAD has no commit that {shown(name)} does not have. The branch to name is the one you started from."
    return Pair(
        revision=Revision(base=base, head=head),
        label=f"Changes since {name}",
        notices=(notice,) if base == head else (),
    )


async def _range_pair(repository: Repository, span: str) -> Pair:
    first, dots, last = span.partition("..")
    if not dots:
        raise UnknownRevision(f"“{shown(span)}” is not a range. Write A..B, or A...B to start at their merge base.")
    is_from_merge_base = last.startswith(".")
    if first == repository.empty_tree and not is_from_merge_base:  # as `git diff` takes it: all there is
        return Pair(revision=Revision(base=EMPTY, head=await _commit_named(repository, last or "HEAD")), label=span)
    old = await _commit_named(repository, first or "HEAD")
    new = await _commit_named(repository, last.removeprefix(".") or "HEAD")
    base = await _merge_base(repository, first or "HEAD", old, new) if is_from_merge_base else old
    return Pair(revision=Revision(base=base, head=new), label=span)


async def _merge_base(repository: Repository, name: str, first: str, second: str) -> str:
    ended = await repository.git.ask("merge-base", first, second, accept=(0, 1))
    base = ended.out.decode("ascii", "replace").strip()
    if base:
        return base
    if repository.shallow:
        raise UnknownRevision(
            f"This shallow clone does not reach back to where the work left “{shown(name)}”. Run: git fetch --unshallow"
            " (or --deepen=100 until it does)"
        )
    raise UnknownRevision(f"“{shown(name)}” has no commit in common with what it is compared with.")


async def _commit_named(repository: Repository, name: str) -> str:
    found = await _find_commit(repository.git, name)
    if found is None:
        raise UnknownRevision(await _advice(repository, name))
    return found


async def _find_commit(git: Git, name: str) -> str | None:
    """The full id of the commit a name stands for, or None."""
    if not name or name.startswith("^") or not name.isprintable():
        return None
    ended = await git.ask(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", accept=(0, 1, 128)
    )
    found = ended.out.decode("ascii", "replace").strip()
    return found if _ID.fullmatch(found) else None


async def _advice(repository: Repository, name: str) -> str:
    """What to tell a person whose revision git does not know."""
    git = repository.git
    if await _find_commit(git, "HEAD") is None:
        return "This repository has no commit yet. Review the working tree or --staged."
    out = await git.run("for-each-ref", "--format=%(refname:short)", "--count=5000")
    names = out.decode("utf-8", "replace").split("\n")
    near = [known for known in names if known.endswith("/" + name)] or difflib.get_close_matches(name, names, n=3)
    said = f"Git knows no commit “{shown(name)}” here."
    if near:
        return f"{said} Did you mean {' or '.join(shown(known) for known in near[:3])}?"
    if repository.shallow:
        return f"{said} This clone is shallow; to get the rest of its history, run: git fetch --unshallow"
    return f"{said} `git branch --all` lists the branches, `git log --oneline` the commits; `git fetch` gets new ones."


def _cut(message: str) -> str:
    return message.strip()[:_MOST_MESSAGE]


def _indented(message: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in _cut(message).split("\n"))
