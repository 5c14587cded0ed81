"""A rule as a form, and the form as a rule of the saved text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mesrai.domain.finding import Severity
from mesrai.domain.memory import Memory
from mesrai.domain.policy import LANGUAGE_SUFFIXES, Rule, Scope
from mesrai.domain.policy_shapes import Misshapen
from mesrai.domain.rule_keys import RULE
from mesrai.domain.saved_policy import listing, scalar
from mesrai.domain.yaml_lines import Listing, Node, Table
from mesrai.review.render.rule_file import title_for
from mesrai.server.web.forms import Form

SEVERITIES: Final = [(str(each), str(each)) for each in Severity]
SCOPES: Final = [(str(Scope.FILE), "single files"), (str(Scope.PULL_REQUEST), "the change as a whole")]
LANGUAGES: Final = tuple(LANGUAGE_SUFFIXES)
_INHERITANCE: Final = "inheritance"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFields:
    """What stands in the form."""

    title: str = ""
    rule: str = ""
    severity: str = str(Severity.MEDIUM)
    scope: str = str(Scope.FILE)
    path: str = ""  # one a line
    languages: tuple[str, ...] = ()
    buckets: str = ""
    uuid: str = ""
    enabled: bool = True
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    inheritable: bool = True
    exclude: str = ""
    include: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRead:
    """What became of a filled-in form."""

    node: Table
    rule: Rule | None  # None: something is wrong
    errors: Mapping[str, str] = field(default_factory=dict)  # by field


def fields_of(rule: Rule) -> RuleFields:
    """The form of a rule."""
    return RuleFields(
        title=rule.title,
        rule=rule.rule,
        severity=str(rule.severity),
        scope=str(rule.scope),
        path="\n".join(rule.paths),
        languages=rule.languages,
        buckets="\n".join(rule.buckets),
        uuid=rule.uuid,
        enabled=rule.is_enabled,
        good=tuple(each.snippet for each in rule.examples if each.is_correct),
        bad=tuple(each.snippet for each in rule.examples if not each.is_correct),
        inheritable=rule.is_inheritable,
        exclude="\n".join(rule.exclude),
        include="\n".join(rule.include),
    )


def fields_from_memory(memory: Memory) -> RuleFields:
    """The form of a rule that asks for what a memory says."""
    return RuleFields(title=title_for(memory.text), rule=memory.text, path="\n".join(memory.paths))


def fields_in(form: Form) -> RuleFields:
    """What a person left in the form."""
    return RuleFields(
        **{name: form.text(name) for name in ("title", "rule", "severity", "scope", "path", "uuid")},
        **{name: form.text(name) for name in ("buckets", "exclude", "include")},
        languages=form.all("languages"),
        enabled=form.is_set("enabled"),
        good=tuple(text.strip("\n") for text in form.all("good") if text.strip()),
        bad=tuple(text.strip("\n") for text in form.all("bad") if text.strip()),
        inheritable=form.is_set("inheritable"),
    )


def read_fields(fields: RuleFields) -> RuleRead:
    """The rule, or what is wrong beside each field."""
    pairs = list(_pairs(fields))
    # Each field stands on a line of its own, so that a problem's line says which it is about.
    names = {number: name for number, (name, _) in enumerate(pairs, start=1)}
    node = Table(
        pairs=tuple(
            (replace(scalar(name), line=number), _on(value, number)) for number, (name, value) in enumerate(pairs, 1)
        ),
        line=0,
    )
    try:
        return RuleRead(node=node, rule=RULE.read(node, ""))
    except Misshapen as wrong:
        errors: dict[str, str] = {}
        for problem in wrong.problems:
            errors.setdefault(names.get(problem.line, "title"), problem.text.replace("`", ""))
        return RuleRead(node=node, rule=None, errors=errors)


def _pairs(fields: RuleFields) -> Iterator[tuple[str, Node]]:
    """What is said; what is as it would be anyway is left out."""
    for name in ("title", "rule", "severity", "scope"):
        yield name, scalar(getattr(fields, name))
    for name in ("path", "buckets"):
        if lines := _lines(getattr(fields, name)):
            yield name, listing(lines)
    if fields.languages:
        yield "languages", listing(fields.languages)
    if fields.uuid:
        yield "uuid", scalar(fields.uuid)
    if not fields.enabled:
        yield "enabled", scalar("false", is_plain=True)
    if fields.good or fields.bad:
        yield "examples", Listing(items=(*_examples(fields.good, "true"), *_examples(fields.bad, "false")), line=1)
    inheritance: list[tuple[Node, Node]] = []
    if not fields.inheritable:
        inheritance.append((scalar("inheritable"), scalar("false", is_plain=True)))
    for name in ("exclude", "include"):
        if lines := _lines(getattr(fields, name)):
            inheritance.append((scalar(name), listing(lines)))
    if inheritance:
        yield _INHERITANCE, Table(pairs=tuple(inheritance), line=1)


def _examples(snippets: Sequence[str], is_correct: str) -> Iterator[Table]:
    for each in snippets:
        told = scalar("isCorrect"), scalar(is_correct, is_plain=True)
        yield Table(pairs=((scalar("snippet"), scalar(each)), told), line=1)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _on(node: Node, line: int) -> Node:
    """The node, and all in it, on that line."""
    if isinstance(node, Listing):
        return replace(node, line=line, items=tuple(_on(each, line) for each in node.items))
    if isinstance(node, Table):
        pairs = tuple((_on(key, line), _on(value, line)) for key, value in node.pairs)
        return replace(node, line=line, pairs=pairs)
    return replace(node, line=line)
