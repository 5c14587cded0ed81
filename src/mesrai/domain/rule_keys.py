"""Every key of a rule and of a memory, wherever it is written: name, shape, meaning."""

from typing import Any, Final

from mesrai.domain.finding import Severity
from mesrai.domain.policy import LANGUAGE_SUFFIXES, Example, Rule, Scope
from mesrai.domain.policy_shapes import Choice, Field, Flag, Glob, ListOf, Record, Text

_SCOPES: Final = {
    "file": Scope.FILE,
    "pull_request": Scope.PULL_REQUEST,
    "pull request": Scope.PULL_REQUEST,
    "pull-request": Scope.PULL_REQUEST,
}
SEVERITY: Final = Choice(words=[str(each) for each in reversed(Severity)], build=Severity)
LABELS: Final = ListOf(item=Text(max_chars=100), max_items=100)


def _rule(**values: Any) -> Rule:
    return Rule(**values.pop("inheritance", {}), **values)


_EXAMPLE: Final = Record(
    build=Example,
    fields=(
        Field(
            name="snippet",
            into="snippet",
            shape=Text(max_chars=4_000),
            meaning="Code, as it could stand in a file.",
            is_required=True,
        ),
        Field(
            name="isCorrect",
            into="is_correct",
            shape=Flag(),
            meaning="Whether the code keeps the rule.",
            is_required=True,
        ),
    ),
)
_INHERITANCE: Final = Record(
    build=dict,
    fields=(
        Field(
            name="inheritable",
            into="is_inheritable",
            shape=Flag(),
            meaning="Whether the levels below take the rule over.",
        ),
        Field(
            name="exclude",
            into="exclude",
            shape=LABELS,
            meaning="Repositories and folders that do not take it over; a repository's folders still do.",
        ),
        Field(
            name="include",
            into="include",
            shape=LABELS,
            meaning="Repositories, with their folders, and single folders that alone take it over. None means all.",
        ),
    ),
)
_RULE_FIELDS: Final = (
    Field(name="title", into="title", shape=Text(max_chars=200), meaning="The rule's name.", is_required=True),
    Field(
        name="severity",
        into="severity",
        others=("severity_min",),
        shape=SEVERITY,
        meaning="How bad it is to break the rule.",
    ),
    Field(
        name="scope",
        into="scope",
        shape=Choice(words=list(_SCOPES), build=_SCOPES.__getitem__),
        meaning="Whether the rule looks at single files or at the change as a whole.",
    ),
    Field(
        name="path",
        into="paths",
        others=("paths",),
        shape=ListOf(item=Glob(), may_be_single=True),
        meaning="Patterns of the files it holds for, written as in .gitignore. None means every file.",
    ),
    Field(
        name="languages",
        into="languages",
        shape=ListOf(item=Choice(words=list(LANGUAGE_SUFFIXES)), max_items=50, may_be_single=True),
        meaning="Languages it holds for. None means every language.",
    ),
    Field(name="buckets", into="buckets", shape=LABELS, meaning="Your own labels."),
    Field(name="uuid", into="uuid", shape=Text(max_chars=100), meaning="The id a server gave it."),
    Field(name="enabled", into="is_enabled", shape=Flag(), meaning="Whether the rule is checked."),
)
RULE: Final = Record(
    build=_rule,
    fields=(
        *_RULE_FIELDS,
        Field(
            name="rule",
            into="rule",
            shape=Text(max_chars=10_000),
            meaning="The requirement, in plain words.",
            is_required=True,
        ),
        Field(
            name="examples",
            into="examples",
            shape=ListOf(item=_EXAMPLE, max_items=20),
            meaning="Code that keeps the rule, and code that breaks it.",
        ),
        Field(
            name="inheritance",
            into="inheritance",
            shape=_INHERITANCE,
            meaning="Which levels below a shared configuration take the rule over.",
        ),
    ),
)

MEMORY: Final = Record(
    build=dict,
    fields=(
        Field(name="title", into="title", shape=Text(max_chars=200), meaning="What it is about."),
        Field(
            name="memory",
            into="text",
            others=("text",),
            shape=Text(max_chars=2_000),
            meaning="What is to be remembered, in plain words.",
            is_required=True,
        ),
        Field(
            name="path",
            into="paths",
            others=("paths",),
            shape=ListOf(item=Glob(), may_be_single=True),
            meaning="Patterns of the files it holds for, written as in .gitignore. None means every file.",
        ),
    ),
)
RULE_FRONT: Final = Record(build=dict, fields=_RULE_FIELDS)  # the head of a rule file; its body holds the rest
