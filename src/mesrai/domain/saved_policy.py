"""The configuration that is saved on the pages: the same text as the policy file, and how it is changed."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from mesrai.domain.policy_file import read_values
from mesrai.domain.policy_keys import POLICY
from mesrai.domain.policy_levels import Layer, Level, layer_from
from mesrai.domain.policy_shapes import Field, ListOf, Record, Shape
from mesrai.domain.yaml_lines import Alias, Listing, Node, Scalar, Table, YamlProblem, read_yaml
from mesrai.errors import PolicyError, UserError

MOST_TEXT: Final = 100_000  # characters of one level
_MOST_FOLDER: Final = 300
_MOST_FOLDERS: Final = 100  # of a repository
_RULES: Final = "rules"
_MOST_SHOWN: Final = 400  # characters of a value in the audit trail
_Pairs = list[tuple[Node, Node]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a saved configuration is for: the organisation, a repository, or a folder of one."""

    repository: str = ""  # such as github.com/owner/name; empty: all repositories
    folder: str = ""

    @property
    def level(self) -> Level:
        """How far it reaches."""
        if self.folder:
            return Level.DIRECTORY
        return Level.REPOSITORY if self.repository else Level.GLOBAL

    @property
    def file(self) -> str:
        """What stands where a value's origin is told, in place of a file's name."""
        if self.folder:
            return f"what is saved for the folder {self.folder}"
        return "what is saved for the repository" if self.repository else "what is saved for the organisation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """All that is saved for one repository."""

    organisation: str = ""  # texts as in a policy file; empty: nothing
    repository: str = ""
    folders: Mapping[str, str]

    def layers(self, name: str, folder: str, level: Level) -> Sequence[Layer]:
        """What is saved at a level, for the repository of that name. Errors: PolicyError."""
        place = {
            Level.GLOBAL: (Place(), self.organisation),
            Level.REPOSITORY: (Place(repository=name or "here"), self.repository),
            Level.DIRECTORY: (Place(repository=name or "here", folder=folder), self.folders.get(folder, "")),
        }[level]
        return [saved_layer(*place)] if place[1].strip() else []


NOTHING_SAVED: Final = Saved(folders={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A single key of the policy: one field of a form."""

    key: str  # `summary.generatePRSummary`
    field: Field

    @property
    def group(self) -> str:
        """The key around it; empty at the top."""
        return self.key.rpartition(".")[0]


def saved_layer(place: Place, text: str) -> Layer:
    """What a saved text says at its level. Errors: PolicyError."""
    made = layer_from(text.encode(), file=place.file, level=place.level)
    return Layer(level=made.level, file=made.file, values=made.values, is_saved=True)


def leaves() -> Sequence[Leaf]:
    """Every single key but the rules, which have a page of their own."""
    return [leaf for leaf in _leaves(POLICY, "") if leaf.key != _RULES]


def changed(text: str, changes: Mapping[str, Node | None]) -> str:
    """The text with these keys set, or taken out where they are None. Comments are not kept.

    Errors: PolicyError if the text, or what becomes of it, cannot be used.
    """
    pairs = _pairs(text)
    for key, node in changes.items():
        outer, _, inner = key.rpartition(".")
        if not outer:
            pairs = _with(pairs, key, node)
            continue
        within = next((value for name, value in pairs if _is(name, outer)), None)
        below = _with(list(within.pairs) if isinstance(within, Table) else [], inner, node)
        pairs = _with(pairs, outer, Table(pairs=tuple(below), line=1) if below else None)
    return written(pairs)


def with_rules(text: str, change: Callable[[Sequence[Node]], Sequence[Node]]) -> str:
    """The text with its rules changed, each of them a node as it stands there. Errors: as of `changed`."""
    now = next((value for name, value in _pairs(text) if _is(name, _RULES)), None)
    rules = change(now.items if isinstance(now, Listing) else ())
    return changed(text, {_RULES: Listing(items=tuple(rules), line=1) if rules else None})


def title_of(rule: Node) -> str:
    """The title of a rule as it stands in a text; empty if it has none."""
    title = rule.find("title") if isinstance(rule, Table) else None
    return title.text if isinstance(title, Scalar) else ""


def written(pairs: Sequence[tuple[Node, Node]]) -> str:
    """A mapping as text; empty if nothing is in it. Errors: PolicyError if that is no policy."""
    if not pairs:
        return ""
    return checked(yaml_text(Table(pairs=tuple(pairs), line=1)))


def yaml_text(node: Node) -> str:
    """A node as YAML."""
    import yaml  # noqa: PLC0415 - see yaml_lines

    text: str = yaml.serialize(_yaml(node), Dumper=yaml.SafeDumper, allow_unicode=True, width=100)
    return text


def checked(text: str, *, file: str = "line") -> str:
    """The text, if it can be saved. Errors: PolicyError, which names `file`."""
    if len(text) > MOST_TEXT:
        raise PolicyError(f"longer than {MOST_TEXT:,} characters", file=file)
    values = read_values(text.encode(), file=file)
    seen: set[str] = set()
    for rule in values.get(_RULES, ((), 0))[0]:
        title = rule.title.strip().casefold()
        if title in seen:
            raise PolicyError(f"two rules are called “{rule.title}”", file=file, line=int(rule.origin.split(":")[-1]))
        seen.add(title)
    return text


def told_wrong(problem: PolicyError) -> str:
    """What is wrong with a text that was typed, with its line."""
    place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
    words = problem.message.removeprefix(f"{place}: ")
    return words if problem.line is None else f"Line {problem.line}: {words}"


def seal_of(text: str) -> str:
    """What tells a text from what it was before or becomes later."""
    return hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()[:24]


def differences(before: str, after: str) -> Mapping[str, Any]:
    """What changed, key by key, as [before, after]; None stands for what was not said. For the audit trail."""
    old, new = _told(before), _told(after)
    return {key: [old.get(key), new.get(key)] for key in {**old, **new} if old.get(key) != new.get(key)}


def folder_of(text: str, others: Sequence[str]) -> str:
    """A folder that may be configured besides these. Errors: UserError that says why it may not."""
    folder = text.strip().strip("/")
    parts = folder.split("/")
    is_plain = all(part and part not in (".", "..") and part.isprintable() for part in parts)
    if not folder or not is_plain or len(folder) > _MOST_FOLDER or set(folder) & set("*?[]\\:"):
        raise UserError("A folder is named as packages/api: without a drive, dots or patterns.")
    if len(others) >= _MOST_FOLDERS:
        raise UserError(f"A repository has {_MOST_FOLDERS} configured folders at most.")
    for other in others:
        if other == folder:
            raise UserError(f"{folder} is configured already.")
        if _lies_in(folder, other) or _lies_in(other, folder):
            raise UserError(f"{folder} and {other} lie in one another; configured folders may not.")
    return folder


def scalar(text: str, *, is_plain: bool = False) -> Scalar:
    """A single value; a plain one may stand for a number or a truth value."""
    return Scalar(text=text, plain=is_plain, line=1)


def listing(texts: Sequence[str]) -> Listing:
    """A list of texts."""
    return Listing(items=tuple(scalar(text) for text in texts), line=1)


def is_list(shape: Shape) -> bool:
    """Whether a value of that shape is several."""
    return isinstance(shape, ListOf)


def _leaves(record: Record, prefix: str) -> Iterator[Leaf]:
    for each in record.fields:
        if isinstance(each.shape, Record):
            yield from _leaves(each.shape, f"{prefix}{each.name}.")
        else:
            yield Leaf(key=prefix + each.name, field=each)


def _pairs(text: str) -> _Pairs:
    try:
        root = read_yaml(text)
    except YamlProblem as problem:
        raise PolicyError(problem.message, file="line", line=problem.line) from problem
    return list(root.pairs) if isinstance(root, Table) else []


def _with(pairs: _Pairs, key: str, node: Node | None) -> _Pairs:
    """The pairs with that key in its place, at the end if it is new."""
    if node is None:
        return [pair for pair in pairs if not _is(pair[0], key)]
    if any(_is(name, key) for name, _ in pairs):
        return [(name, node if _is(name, key) else value) for name, value in pairs]
    return [*pairs, (scalar(key, is_plain=True), node)]


def _is(name: Node, key: str) -> bool:
    return isinstance(name, Scalar) and name.text == key


def _yaml(node: Node) -> Any:
    import yaml  # noqa: PLC0415 - see yaml_lines

    if isinstance(node, Table):
        pairs = [(_yaml(key), _yaml(value)) for key, value in node.pairs]
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)
    if isinstance(node, Listing):
        return yaml.SequenceNode(
            "tag:yaml.org,2002:seq", [_yaml(each) for each in node.items], flow_style=not node.items
        )
    if isinstance(node, Alias):
        raise PolicyError(f"an alias (`*{node.name[:40]}`) cannot be kept", file="line", line=node.line)
    tag = "tag:yaml.org,2002:str"
    if node.plain:
        resolver: Any = yaml.resolver.Resolver()
        tag = resolver.resolve(yaml.ScalarNode, node.text, (True, False))
    style = "|" if "\n" in node.text.strip() else None
    return yaml.ScalarNode(tag, node.text, style=style)


def _told(text: str) -> Mapping[str, Any]:
    """The values of a text, each rule under its title, as they can be put in the audit trail."""
    try:
        values = read_values(text.encode(), file="line")
    except PolicyError:
        return {"": "what cannot be read any more"}
    told = {key: _plain(value) for key, (value, _) in values.items() if key != _RULES}
    rules = values.get(_RULES, ((), 0))[0]
    return told | {f"rule “{rule.title}”": _plain(_summary(rule)) for rule in rules}


def _summary(rule: Any) -> str:
    state = "" if rule.is_enabled else ", off"
    where = f", {' '.join(rule.paths)}" if rule.paths else ""
    return f"{rule.severity}, {rule.scope}{where}{state}: {rule.rule}"


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, tuple):
        return [str(each)[:_MOST_SHOWN] for each in value[:50]]
    return str(value)[:_MOST_SHOWN]


def _lies_in(folder: str, other: str) -> bool:
    return PurePosixPath(other) in PurePosixPath(folder).parents
