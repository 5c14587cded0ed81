"""Configuration on several levels, made one: for each key the most specific value, and the rules that hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from mesrai.domain.memory import Memory
from mesrai.domain.policy import Policy, Rule
from mesrai.domain.policy_file import read_values
from mesrai.domain.policy_keys import CATEGORY_KEYS, POLICY
from mesrai.domain.policy_shapes import Record

_RULES = "rules"
_EXCLUDED = "excludedRules"


class Level(StrEnum):
    """How far a configuration reaches."""

    DEFAULT = "default"  # nobody said anything
    GLOBAL = "global"  # all repositories
    REPOSITORY = "repository"
    DIRECTORY = "directory"  # one folder of a repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """For what a configuration is made."""

    repository: str = ""  # `host/owner/name`, or as much of it as is known
    folder: str = ""  # the configured folder whose configuration holds; empty: the repository's does

    @property
    def level(self) -> Level:
        """The most specific level that holds."""
        return Level.DIRECTORY if self.folder else Level.REPOSITORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one place says."""

    level: Level
    file: str = ""  # its policy file; empty: it has none
    is_saved: bool = False  # on the pages, so `file` is no file but says for what
    values: Mapping[str, tuple[Any, int]] = field(default_factory=dict)  # by full key, with their lines
    rules: tuple[Rule, ...] = ()  # in files of their own
    memories: tuple[Memory, ...] = ()
    notices: tuple[str, ...] = ()  # files that could not be used


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from. Each rule and each memory has its own, under the keys `rules` and `memories`."""

    key: str  # as in the file: `summary.generatePRSummary`
    value: Any  # of a rule, its title; of a memory, its text
    level: Level
    where: str = ""  # `file:line`; empty for a default
    is_saved: bool = False  # on the pages; `where` then begins with words


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """One configuration, and where each value of it comes from."""

    policy: Policy
    origins: tuple[Origin, ...]


def layer_from(data: bytes, *, file: str, level: Level) -> Layer:
    """What a policy file says at its level. Errors: PolicyError."""
    return Layer(level=level, file=file, values=read_values(data, file=file))


def merged(layers: Sequence[Layer], scene: Scene) -> Merged:
    """The configuration of a scene from its layers, the most specific last; what none of them says is the default."""
    values: dict[str, tuple[Any, Origin]] = {}
    for layer in layers:
        for key, (value, line) in layer.values.items():
            if key == _EXCLUDED and layer.level is not scene.level:
                continue  # it is said of that level alone
            where = f"{layer.file}:{line}"
            values[key] = value, Origin(key=key, value=value, level=layer.level, where=where, is_saved=layer.is_saved)
    rules = rules_that_hold(layers, scene)
    memories = [(memory, layer.level) for layer in layers for memory in layer.memories]
    given = {key: value for key, (value, _) in values.items()} | {_RULES: tuple(rule for rule, _ in rules)}
    policy: Policy = replace(
        POLICY.built(given),
        memories=tuple(memory for memory, _ in memories),
        notices=tuple(notice for layer in layers for notice in layer.notices),
    )
    origins = [
        values[key][1] if key in values else Origin(key=key, value=default, level=Level.DEFAULT)
        for key, default in defaults()
        if key != _RULES
    ]
    origins += [Origin(key=_RULES, value=rule.title, level=level, where=rule.origin) for rule, level in rules]
    origins += [Origin(key="memories", value=each.text, level=level, where=each.origin) for each, level in memories]
    return Merged(policy=policy, origins=tuple(origins))


def rules_that_hold(layers: Sequence[Layer], scene: Scene) -> Sequence[tuple[Rule, Level]]:
    """The rules that are checked in the scene, each with the level it stands at."""
    excluded = excluded_at(layers, scene)
    return [
        (rule, layer.level)
        for layer in layers
        for rule in rules_of(layer)
        if holds(rule, layer.level, scene) and (layer.level is scene.level or plain_title(rule.title) not in excluded)
    ]


def excluded_at(layers: Sequence[Layer], scene: Scene) -> frozenset[str]:
    """The titles, as `plain_title` makes them, that the scene's own level does not take over. The last list holds."""
    here = [layer.values[_EXCLUDED] for layer in layers if layer.level is scene.level and _EXCLUDED in layer.values]
    return frozenset(plain_title(title) for title in here[-1][0]) if here else frozenset()


def plain_title(title: str) -> str:
    """A title as it is compared."""
    return " ".join(title.split()).casefold()


def holds(rule: Rule, level: Level, scene: Scene) -> bool:
    """Whether a rule that stands at this level is checked in the scene.

    Below its own level it must be inheritable, not excluded by the name of the scene itself, and, where it names those
    that include it, included by that name or by the name of the repository around it.
    """
    if not rule.is_enabled:
        return False
    if level is scene.level:
        return True
    names = _names(scene, level)
    around = names | (_names(Scene(repository=scene.repository), level) if scene.folder else frozenset())
    is_excluded = not names.isdisjoint(map(_plain, rule.exclude))
    is_included = not rule.include or not around.isdisjoint(map(_plain, rule.include))
    return rule.is_inheritable and is_included and not is_excluded


def _names(scene: Scene, level: Level) -> frozenset[str]:
    """What a rule of that level may call the scene: a repository by its name, with or without its owner."""
    if level is not Level.GLOBAL:
        return frozenset({_plain(scene.folder)} if scene.folder else ())
    parts = _plain(scene.repository).split("/")
    names = frozenset("/".join(parts[at:]) for at in range(len(parts)))
    return frozenset(f"{name}/{_plain(scene.folder)}" for name in names) if scene.folder else names


def _plain(name: str) -> str:
    return name.strip().removeprefix("./").strip("/").casefold()


def rules_of(layer: Layer) -> tuple[Rule, ...]:
    """All rules that stand there, also those that are switched off."""
    rules: tuple[Rule, ...] = layer.values.get(_RULES, ((), 0))[0]
    return (*rules, *layer.rules)


def defaults() -> Iterator[tuple[str, Any]]:
    """Each single key of the policy with its default."""
    return _leaves(POLICY, Policy(), "")


def _leaves(record: Record, owner: object, prefix: str) -> Iterator[tuple[str, Any]]:
    """Each single key with its default."""
    for each in record.fields:
        if isinstance(owner, frozenset):  # of the categories that are wanted
            yield prefix + each.name, CATEGORY_KEYS[each.name] in owner
        elif isinstance(each.shape, Record):
            yield from _leaves(each.shape, getattr(owner, each.into), f"{prefix}{each.name}.")
        else:
            yield prefix + each.name, getattr(owner, each.into)
