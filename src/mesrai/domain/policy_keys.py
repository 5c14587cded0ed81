"""Every key of the policy file: name, shape, meaning. Reader, schema and page are made from this table."""

from typing import Any, Final

from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import (
    LANGUAGE_SUFFIXES,
    QUIET_CATEGORIES,
    Example,
    ExistingDescription,
    Grouping,
    Limitation,
    Policy,
    Rule,
    Scope,
    SuggestionControl,
    SummaryWishes,
)
from mesrai.domain.policy_shapes import Choice, Count, Field, Flag, Glob, ListOf, Record, Text

CATEGORY_KEYS: Final = {
    "security": Category.SECURITY,
    "code_style": Category.CODE_STYLE,
    "mesrai_rules": Category.RULE,
    "refactoring": Category.REFACTORING,
    "error_handling": Category.ERROR_HANDLING,
    "maintainability": Category.MAINTAINABILITY,
    "potential_issues": Category.BUG,
    "documentation_and_comments": Category.DOCUMENTATION,
    "performance_and_optimization": Category.PERFORMANCE,
    "business_logic": Category.BUSINESS_LOGIC,
}
_CATEGORY_MEANINGS: Final = {
    Category.SECURITY: "Look for ways in: injection, broken access checks, exposed secrets.",
    Category.CODE_STYLE: "Look at naming, layout and idiom.",
    Category.RULE: "Check the rules of this repository.",
    Category.REFACTORING: "Look at structure: long functions, duplication.",
    Category.ERROR_HANDLING: "Look at how errors are raised, caught and told.",
    Category.MAINTAINABILITY: "Look at what makes later changes hard.",
    Category.BUG: "Look for bugs: wrong results, null values, leaks, endless loops, races.",
    Category.DOCUMENTATION: "Look at comments and documentation.",
    Category.PERFORMANCE: "Look for wasted time and memory: queries in loops, missing caches.",
    Category.BUSINESS_LOGIC: "Compare the change with what it was asked to do.",
}
# The page that lists the values spells only `full`; these are other names the same two settings go by.
_GROUPINGS: Final = {"full": Grouping.FULL, "unified": Grouping.FULL, "individual": Grouping.INDIVIDUAL}
_SCOPES: Final = {
    "file": Scope.FILE,
    "pull_request": Scope.PULL_REQUEST,
    "pull request": Scope.PULL_REQUEST,
    "pull-request": Scope.PULL_REQUEST,
}
_SEVERITY: Final = Choice(words=[str(each) for each in reversed(Severity)], build=Severity)
_LABELS: Final = ListOf(item=Text(max_chars=100), max_items=100)


def _categories(**wanted: bool) -> frozenset[Category]:
    found = CATEGORY_KEYS.items()
    return frozenset(category for key, category in found if wanted.get(key, category not in QUIET_CATEGORIES))


def _policy(**values: Any) -> Policy:
    rules = tuple(rule for rule in values.pop("rules", ()) if rule.is_enabled)
    return Policy(**values, rules=rules)


def _rule(**values: Any) -> Rule:
    return Rule(**values.pop("inheritance", {}), **values)


_SUMMARY: Final = Record(
    build=SummaryWishes,
    fields=(
        Field(
            name="generatePRSummary",
            into="is_generated",
            shape=Flag(),
            meaning="Whether a summary of the change is written into the description of the pull request.",
        ),
        Field(
            name="customInstructions",
            into="instructions",
            shape=Text(max_chars=4_000, may_be_empty=True),
            meaning="What the summary should pay attention to, in your words.",
        ),
        Field(
            name="behaviourForExistingDescription",
            into="existing_description",
            shape=Choice(words=[str(each) for each in ExistingDescription], build=ExistingDescription),
            meaning="What happens to the description that the author wrote: it is replaced, the summary is put after "
            "it, or only what is missing is added.",
        ),
    ),
)
_REVIEW_OPTIONS: Final = Record(
    build=_categories,
    fields=tuple(
        Field(name=key, into=key, shape=Flag(), meaning=_CATEGORY_MEANINGS[category])
        for key, category in CATEGORY_KEYS.items()
    ),
)
_SUGGESTION_CONTROL: Final = Record(
    build=SuggestionControl,
    fields=(
        Field(
            name="groupingMode",
            into="grouping_mode",
            shape=Choice(words=list(_GROUPINGS), build=_GROUPINGS.__getitem__),
            meaning="`full` (or `unified`): similar findings become one comment that lists every place. "
            "`individual`: one comment for each place.",
        ),
        Field(
            name="limitationType",
            into="limitation_type",
            shape=Choice(words=[str(each) for each in Limitation], build=Limitation),
            meaning="Whether `maxSuggestions` counts for the whole change or for each file.",
        ),
        Field(
            name="maxSuggestions",
            into="max_suggestions",
            shape=Count(),
            meaning="The most findings shown; the gravest come first. 0 means no limit.",
        ),
        Field(
            name="severityLevelFilter",
            into="severity_level_filter",
            shape=_SEVERITY,
            meaning="The least severity that is shown.",
        ),
    ),
)
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
        Field(name="exclude", into="exclude", shape=_LABELS, meaning="Levels below that do not take it over."),
        Field(name="include", into="include", shape=_LABELS, meaning="Levels below that take it over."),
    ),
)
_RULE_FIELDS: Final = (
    Field(name="title", into="title", shape=Text(max_chars=200), meaning="The rule's name.", is_required=True),
    Field(
        name="severity",
        into="severity",
        others=("severity_min",),
        shape=_SEVERITY,
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
    Field(name="buckets", into="buckets", shape=_LABELS, meaning="Your own labels."),
    Field(name="uuid", into="uuid", shape=Text(max_chars=100), meaning="The id a server gave it."),
    Field(name="enabled", into="is_enabled", shape=Flag(), meaning="Whether the rule is checked."),
)
_RULE: Final = Record(
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

RULE_FRONT: Final = Record(build=dict, fields=_RULE_FIELDS)  # the head of a rule file; its body holds the rest

POLICY: Final = Record(
    build=_policy,
    fields=(
        Field(
            name="version",
            into="version",
            shape=Text(max_chars=20),
            meaning="The version of this format the file was written for.",
        ),
        Field(name="summary", into="summary", shape=_SUMMARY, meaning="The summary of a pull request."),
        Field(
            name="ignorePaths",
            into="ignore_paths",
            shape=ListOf(item=Glob()),
            meaning="Patterns of files that are not reviewed, written as in .gitignore. A list replaces the default.",
        ),
        Field(
            name="baseBranches",
            into="base_branches",
            shape=ListOf(item=Glob(), max_items=100),
            meaning="Branches whose pull requests are reviewed besides those of the default branch.",
        ),
        Field(
            name="reviewOptions",
            into="categories",
            shape=_REVIEW_OPTIONS,
            meaning="What is looked for.",
        ),
        Field(
            name="suggestionControl",
            into="suggestion_control",
            shape=_SUGGESTION_CONTROL,
            meaning="How many findings are shown, and which.",
        ),
        Field(
            name="ignoredTitleKeywords",
            into="ignored_title_keywords",
            shape=ListOf(item=Text(max_chars=100), max_items=100),
            meaning="A pull request whose title holds one of these, in any case, is not reviewed.",
        ),
        Field(
            name="automatedReviewActive",
            into="is_review_automatic",
            shape=Flag(),
            meaning="Whether a pull request is reviewed without being asked for.",
        ),
        Field(
            name="pullRequestApprovalActive",
            into="may_approve",
            shape=Flag(),
            meaning="Whether a review that finds nothing approves the pull request.",
        ),
        Field(
            name="isRequestChangesActive",
            into="may_request_changes",
            shape=Flag(),
            meaning="Whether a review that finds something critical or high requests changes.",
        ),
        Field(
            name="llmGeneratedMemoriesRequireApproval",
            into="memories_require_approval",
            shape=Flag(),
            meaning="Whether a person must approve what the model wants to remember.",
        ),
        Field(
            name="rules",
            into="rules",
            shape=ListOf(item=_RULE, max_items=200),
            meaning="Your own requirements. Each is checked where its paths and languages say.",
        ),
    ),
)
