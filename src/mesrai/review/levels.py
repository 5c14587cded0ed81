"""Read what configures the review of a change: for all repositories, for its own, and for the one folder it is in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final, TypeVar

from mesrai.domain.change import At
from mesrai.domain.memory import Memory, MemoryScope
from mesrai.domain.policy import POLICY_FILE, Rule
from mesrai.domain.policy_file import read_memory_file, read_rule_file, read_shared_rule
from mesrai.domain.policy_levels import Layer, Level, Scene, layer_from
from mesrai.domain.saved_policy import NOTHING_SAVED, Place, Saved
from mesrai.errors import PolicyError
from mesrai.forges.forge import Files, Source

Read = TypeVar("Read", Rule, Memory)

_RULES: Final = ".mesrai/rules"  # of the reviewed repository
_SHARED_RULES: Final = ".mesrai-rules/review"
_MEMORIES: Final = ".mesrai-rules/memories"
_YAML: Final = (".yml", ".yaml")
_MOST_FILES: Final = 500  # of one kind, at one level


@dataclass(frozen=True, slots=True, kw_only=True)
class Central:
    """The central repository, which configures all others."""

    files: Files
    is_reviewed: bool = False  # it is itself what is under review: its folders are then not those of other projects


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What was read."""

    scene: Scene
    layers: tuple[Layer, ...]  # the most specific last


class Reviewed:
    """The files of the reviewed repository at one end of the change. See Files."""

    name = ""

    def __init__(self, source: Source, at: At) -> None:
        self._source = source
        self._at = at

    async def file(self, path: str) -> bytes | None:
        """See Files."""
        return await self._source.file(path, self._at)

    async def below(self, folder: str) -> Sequence[str]:
        """See Files."""
        return await self._source.below(folder, self._at)


async def read_levels(
    own: Files, central: Central | None, repository: str, paths: Sequence[str], saved: Saved = NOTHING_SAVED
) -> Levels:
    """All that configures a change of these paths of a repository, which is named `host/owner/name` as far as known.

    The repository's own files come after those that the central one has for it; what is `saved` on the pages comes
    before both, at each level. Memories are those that hold for the paths. Errors: PolicyError for a policy file that
    cannot be used, and for configured folders of which one lies in another; SourceError, ForgeError.
    """
    shared = central.files if central is not None and not central.is_reviewed else None
    within = repository.rpartition("/")[2]
    places: list[tuple[Files, str, Level]] = []
    if shared is not None:
        places.append((shared, "", Level.GLOBAL))
        places += [(shared, f"{within}/", Level.REPOSITORY)] if within else []
    places.append((own, "", Level.REPOSITORY))
    folders = [(own, "")] if central is None or not central.is_reviewed else []
    folders += [(shared, f"{within}/")] if shared is not None and within else []
    scene = Scene(repository=repository, folder=await _folder_of(paths, folders, saved))
    if scene.folder:
        places += [(files, f"{prefix}{scene.folder}/", Level.DIRECTORY) for files, prefix in reversed(folders)]
    layers: list[Layer] = []
    for level in (Level.GLOBAL, Level.REPOSITORY, Level.DIRECTORY):
        layers += saved.layers(repository, scene.folder, level)
        for files, prefix, _ in (place for place in places if place[2] is level):
            layer = await _layer(files, prefix, level, is_own_root=files is own and not prefix)
            layers.append(_holding(layer, repository, paths))
    return Levels(scene=scene, layers=tuple(layers))


async def _folder_of(paths: Sequence[str], places: Sequence[tuple[Files, str]], saved: Saved) -> str:
    """The configured folder that the paths lie in, if it is exactly one; others that they lie in do not matter."""
    above = {str(folder) for path in paths for folder in PurePosixPath(path).parents} - {"."}
    configured: dict[str, str] = {}  # where each one's file is
    for folder in sorted(above):
        if saved.folders.get(folder, "").strip():
            configured[folder] = Place(repository="here", folder=folder).file
        for files, prefix in places:
            file = f"{prefix}{folder}/{POLICY_FILE}"
            if await files.file(file) is not None:
                configured.setdefault(folder, _shown(files, file))
    for folder, file in configured.items():
        outer = next((str(each) for each in PurePosixPath(folder).parents if str(each) in configured), "")
        if outer:
            raise PolicyError(
                f"the folder lies in {outer}, which {configured[outer]} configures; configured folders may not lie in "
                "one another, so take one of the two files away",
                file=file,
                line=1,
            )
    return next(iter(configured)) if len(configured) == 1 else ""


async def _layer(files: Files, prefix: str, level: Level, *, is_own_root: bool) -> Layer:
    """What stands at one place."""
    file = prefix + POLICY_FILE
    data = await files.file(file)
    layer = Layer(level=level) if data is None else layer_from(data, file=_shown(files, file), level=level)
    notices: list[str] = []
    rules = await _read(files, prefix + _SHARED_RULES, _YAML, read_shared_rule, notices)
    if is_own_root:
        rules += await _read(files, _RULES, (".md",), read_rule_file, notices)
    memories = await _read(files, prefix + _MEMORIES, _YAML, read_memory_file, notices)
    return replace(layer, rules=tuple(rules), memories=tuple(memories), notices=tuple(notices))


async def _read(
    files: Files, folder: str, endings: tuple[str, ...], read: Callable[[bytes, str], Read], notices: list[str]
) -> list[Read]:
    """What the files below a folder hold; one that cannot be used is told."""
    found: list[Read] = []
    listed = [path for path in await files.below(folder) if path.endswith(endings)]
    if len(listed) > _MOST_FILES:
        notices.append(f"Of {len(listed)} files in {_shown(files, folder)}, only the first {_MOST_FILES} were used.")
    for path in listed[:_MOST_FILES]:
        shown = _shown(files, path)
        data = await files.file(path)
        if data is None:
            notices.append(f"A file was not used: {shown} is larger than 4 MiB.")
            continue
        try:
            found.append(read(data, shown))
        except PolicyError as error:
            notices.append(f"A file was not used: {error.message}")
    return found


def _holding(layer: Layer, repository: str, paths: Sequence[str]) -> Layer:
    """The layer with those of its memories that hold for the paths."""
    is_for_all = layer.level is Level.GLOBAL
    memories = [
        replace(each, scope=MemoryScope.ORGANISATION)
        if is_for_all and not each.paths
        else replace(each, repository=repository)
        for each in layer.memories
    ]
    return replace(layer, memories=tuple(each for each in memories if each.holds_for(repository, paths)))


def _shown(files: Files, path: str) -> str:
    return f"{files.name}:{path}" if files.name else path
