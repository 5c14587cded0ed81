"""Trees and blobs of a repository, read through GitHub's interface: what stands where, and the bytes of files."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.errors import ForgeUnavailable, SourceError
from mesrai.forges.github.payloads import Misshapen, a_list, a_mapping, a_sha, as_documented
from mesrai.forges.github.transport import Transport
from mesrai.forges.once import Once

MOST_FILE: Final = 4 * 1024 * 1024  # bytes
_FOLDER: Final = "040000"
_MOST_TREES: Final = 2_000  # read one by one, where the whole is too large to be listed at once
_MOST_KEPT: Final = 32 * 1024 * 1024  # bytes of files
_AT_ONCE: Final = 8  # GitHub asks for few requests at a time
_TOO_LARGE: Final = (
    "The repository is too large to be read through GitHub's interface alone. Have git installed where Mesrai runs, "
    "and set MESRAI_SOURCE=clone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What stands at a path."""

    mode: str  # six octal digits
    id: str
    size: int  # bytes of a file; else 0

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file: no symlink, submodule or folder."""
        return self.mode.startswith("100")

    @property
    def is_folder(self) -> bool:
        """Whether other nodes stand below it."""
        return self.mode == _FOLDER


Listing = Mapping[str, Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One path that differs; a side is None where nothing but a folder stands there."""

    path: str
    old: Node | None
    new: Node | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    nodes: Listing
    is_whole: bool  # GitHub cuts lists of more than 100,000 entries or 7 MB


class Trees:
    """The trees of commits of one repository. Errors of every method: ForgeError, SourceError."""

    def __init__(self, transport: Transport, repository: str) -> None:
        """`repository` is its path, such as repos/acme/shop."""
        self._transport = transport
        self._place = f"{repository}/git/trees"
        self._whole: dict[str, Once[_Tree]] = {}
        self._levels: dict[str, Once[_Tree]] = {}

    async def find(self, commit: str, path: str) -> Node | None:
        """What stands at a path; None if nothing does."""
        whole = await self._listed(commit)
        if whole.is_whole:
            return whole.nodes.get(path)
        *folders, name = path.split("/")
        tree = commit
        for folder in folders:
            node = (await self._level(tree)).get(folder)
            if node is None or not node.is_folder:
                return None
            tree = node.id
        return (await self._level(tree)).get(name)

    async def below(self, commit: str, folder: str) -> Sequence[str]:
        """The paths of all regular files below a folder, sorted."""
        prefix = folder.rstrip("/") + "/"
        whole = await self._listed(commit)
        if whole.is_whole:
            return sorted(path for path, node in whole.nodes.items() if node.is_file and path.startswith(prefix))
        root = await self.find(commit, prefix[:-1])
        if root is None or not root.is_folder:
            return ()
        inner = await self._listed(root.id)
        if not inner.is_whole:
            raise SourceError(_TOO_LARGE)
        return sorted(prefix + path for path, node in inner.nodes.items() if node.is_file)

    async def changed(self, old: str, new: str) -> Sequence[Changed]:
        """Every path that is not the same in two commits, sorted."""
        before, after = await self._listed(old), await self._listed(new)
        if before.is_whole and after.is_whole:
            found = list(_between(before.nodes, after.nodes))
        else:
            found = await self._walked(old, new)
        return sorted(found, key=lambda each: each.path)

    async def _walked(self, old: str, new: str) -> list[Changed]:
        """Down only into folders that differ."""
        found: list[Changed] = []
        waiting = [("", old, new)]
        while waiting:
            prefix, one, other = waiting.pop()
            for each in _between(await self._level(one), await self._level(other)):
                path = prefix + each.path
                (folder, old_file), (new_folder, new_file) = _divided(each.old), _divided(each.new)
                if folder or new_folder:
                    waiting.append((f"{path}/", folder, new_folder))
                if old_file or new_file:
                    found.append(Changed(path=path, old=old_file, new=new_file))
        return found

    async def _listed(self, tree: str) -> _Tree:
        """All that stands below but folders, as far as GitHub lists it."""
        if tree not in self._whole:
            self._whole[tree] = Once(lambda: self._read(tree, is_whole=True))
        return await self._whole[tree].get()

    async def _level(self, tree: str) -> Listing:
        """What stands right below; nothing for an empty id."""
        if not tree:
            return {}
        if tree not in self._levels:
            if len(self._levels) >= _MOST_TREES:
                raise SourceError(_TOO_LARGE)
            self._levels[tree] = Once(lambda: self._read(tree))
        level = await self._levels[tree].get()
        if not level.is_whole:
            raise SourceError(_TOO_LARGE)
        return level.nodes

    async def _read(self, tree: str, *, is_whole: bool = False) -> _Tree:
        query = {"recursive": 1} if is_whole else {}
        payload = await self._transport.read(f"{self._place}/{tree}", **query)
        with as_documented():
            told = a_mapping(payload)
            if not isinstance(told.get("tree"), list):
                raise Misshapen("`tree` is missing")
            nodes = (_node(a_mapping(each)) for each in a_list(told, "tree"))
            kept = {path: node for path, node in nodes if not (is_whole and node.is_folder)}
            return _Tree(nodes=kept, is_whole=told.get("truncated") is False)


class Blobs:
    """The bytes of files, by their id; the last ones that were read are kept. Errors: ForgeError."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._transport = transport
        self._place = f"{repository}/git/blobs"
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._kept: dict[str, bytes] = {}
        self._size = 0

    async def get(self, node: Node) -> bytes:
        """The bytes of a file of at most 4 MiB."""
        if node.id in self._kept:
            self._kept[node.id] = self._kept.pop(node.id)  # used last, so dropped last
            return self._kept[node.id]
        async with self._gate:
            content = _content(await self._transport.read(f"{self._place}/{node.id}"), node.id)
        self._keep(node.id, content)
        return content

    def _keep(self, blob: str, content: bytes) -> None:
        if blob in self._kept:
            return
        self._kept[blob] = content
        self._size += len(content)
        while self._size > _MOST_KEPT:
            self._size -= len(self._kept.pop(next(iter(self._kept))))


def _between(old: Listing, new: Listing) -> Iterator[Changed]:
    """What is not the same in both."""
    for path in old.keys() | new.keys():
        one, other = old.get(path), new.get(path)
        if not _is_same(one, other):
            yield Changed(path=path, old=one, new=other)


def _divided(node: Node | None) -> tuple[str, Node | None]:
    """The id if it is a folder, else empty; and the node if it is none."""
    if node is None or not node.is_folder:
        return "", node
    return node.id, None


def _is_same(old: Node | None, new: Node | None) -> bool:
    return old is not None and new is not None and (old.mode, old.id) == (new.mode, new.id)


def _node(entry: Mapping[str, Any]) -> tuple[str, Node]:
    path, mode, size = entry.get("path"), entry.get("mode"), entry.get("size", 0)
    if not isinstance(path, str) or not path or not isinstance(mode, str):
        raise Misshapen("an entry of a tree has no path or no mode")
    return path, Node(mode=mode.zfill(6), id=a_sha(entry), size=size if isinstance(size, int) else 0)


def _content(payload: Any, blob: str) -> bytes:
    """What the blob holds; held against its id, which is made from it."""
    with as_documented():
        text, encoding = a_mapping(payload).get("content"), a_mapping(payload).get("encoding")
        if not isinstance(text, str) or encoding not in ("base64", "utf-8"):
            raise Misshapen("`content` is missing")
    try:
        content = base64.b64decode(text) if encoding == "base64" else text.encode()
    except (binascii.Error, ValueError) as error:
        raise ForgeUnavailable("GitHub's answer is not as documented: `content` is no base64.") from error
    digest = hashlib.sha256() if len(blob) == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content) + content)
    if digest.hexdigest() != blob:
        raise ForgeUnavailable(f"GitHub answered with something other than the blob {blob[:12]}.")
    return content
