"""Find out which change a `git push` is about to publish, from what git tells its pre-push hook."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import UserError
from mesrai.forges.git import Git
from mesrai.forges.repository import empty_tree_of

_LINE: Final = re.compile(r"(\S+) ([0-9a-f]{40}(?:[0-9a-f]{24})?) (\S+) ([0-9a-f]{40}(?:[0-9a-f]{24})?)")
_REMOTE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_MAIN_LINES: Final = ("HEAD", "main", "master", "trunk", "develop")
_MOST_REFS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRef:
    """One line of what git tells the hook."""

    local_id: str  # zeros: the ref is deleted at the remote
    remote_ref: str
    remote_id: str  # zeros: the remote has no such ref yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What one ref brings to the remote."""

    ref: str
    selection: Selection | None = None
    reason: str = ""  # why there is nothing to review, where there is no selection


def read_pushed(text: str) -> tuple[PushedRef, ...]:
    """The refs that are pushed, one a line: local ref, local id, remote ref, remote id. Errors: UserError."""
    found = []
    for line in text.splitlines():
        fields = _LINE.fullmatch(line.strip())
        if fields is None:
            raise UserError("Standard input is not what git gives a pre-push hook.")
        found.append(PushedRef(local_id=fields[2], remote_ref=fields[3], remote_id=fields[4]))
    return tuple(found)


async def find_pushed(
    folder: Path, environ: Mapping[str, str], refs: Sequence[PushedRef], remote: str
) -> tuple[Pushed, ...]:
    """For each ref what is new at the remote, as far as it is known here; no network is used.

    `remote` is its name or, where it has none, its address. Errors: NotARepository, SourceError, UserError.
    """
    if len(refs) > _MOST_REFS:
        raise UserError(f"{len(refs)} refs are pushed at once; at most {_MOST_REFS} are looked at.")
    pushes = _Pushes(Git(folder, environ), remote)
    found = [await pushes.of(ref) for ref in refs]
    seen: set[Selection] = set()
    told = []
    for each in found:
        if each.selection is None or each.selection not in seen:
            told.append(each)
        seen |= {each.selection} if each.selection else set()
    return tuple(told)


class _Pushes:
    """The refs of one push."""

    def __init__(self, git: Git, remote: str) -> None:
        self._git = git
        self._remote = remote if _REMOTE.fullmatch(remote) and "://" not in remote else ""

    async def of(self, ref: PushedRef) -> Pushed:
        """What the ref brings."""
        if not ref.local_id.strip("0"):
            return Pushed(ref=ref.remote_ref, reason="it is deleted")
        if ref.remote_ref.startswith("refs/tags/"):
            return Pushed(ref=ref.remote_ref, reason="it is a tag")
        known = await self._known(ref)
        new, edges = await self._new_commits(ref.local_id, known)
        if not new:
            return Pushed(ref=ref.remote_ref, reason="the remote has its commits already")
        span = await self._span(ref.local_id, edges, known)
        return Pushed(ref=ref.remote_ref, selection=Selection(kind=SelectionKind.RANGE, value=span))

    async def _known(self, ref: PushedRef) -> str:
        """The remote's commit, if it is here too; otherwise empty."""
        if not ref.remote_id.strip("0"):
            return ""
        return ref.remote_id if await self._commit(ref.remote_id) else ""

    async def _new_commits(self, head: str, known: str) -> tuple[int, list[str]]:
        """How many commits the remote does not have, and those that it has right below them."""
        remotes = await self._remotes()
        listed = await self._git.run("rev-list", "--boundary", head, "--not", remotes, *([known] if known else []))
        lines = listed.decode("ascii", "replace").split()
        edges = [line.removeprefix("-") for line in lines if line.startswith("-")]
        return len(lines) - len(edges), edges

    async def _remotes(self) -> str:
        """What stands for all that is known of the remote."""
        if not self._remote:
            return "--remotes"
        ended = await self._git.ask("config", "--get-all", f"remote.{self._remote}.url", accept=(0, 1))
        return f"--remotes={self._remote}" if ended.code == 0 else "--remotes"

    async def _span(self, head: str, edges: Sequence[str], known: str) -> str:
        """From where to look. Work that took others' work in is compared with the line it comes from."""
        if len(edges) == 1:
            return f"{edges[0]}..{head}"
        candidates = [f"refs/remotes/{self._remote}/{name}" for name in _MAIN_LINES] if self._remote else []
        if edges:
            for base in [*candidates, known, edges[0]]:
                if base and await self._meets(base, head):
                    return f"{await self._commit(base)}...{head}"
        out = await self._git.run("rev-parse", "--show-object-format")
        return f"{empty_tree_of(out.decode('ascii', 'replace').strip())}..{head}"

    async def _meets(self, base: str, head: str) -> bool:
        """Whether the two have a commit in common."""
        found = await self._commit(base)
        return bool(found) and (await self._git.ask("merge-base", found, head, accept=(0, 1))).code == 0

    async def _commit(self, name: str) -> str:
        """The commit a name stands for, or empty."""
        verify = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return (await self._git.ask(*verify, accept=(0, 1, 128))).out.decode("ascii", "replace").strip()
