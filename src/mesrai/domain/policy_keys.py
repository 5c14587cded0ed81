"""Every key of the policy file: name, shape, meaning. Reader, schema and page are made from this table."""

from typing import Any, Final

from mesrai.domain.finding import Category
from mesrai.domain.policy import (
    QUIET_CATEGORIES,
    Cadence,
    CadenceKind,
    CustomPrompts,
    ExistingDescription,
    Grouping,
    Limitation,
    Messages,
    MessageTiming,
    Policy,
    SuggestionControl,
    SummaryWishes,
)
from mesrai.domain.policy_shapes import Choice, Count, Field, Flag, Glob, ListOf, Record, Text, Words
from mesrai.domain.rule_keys import LABELS, RULE, SEVERITY

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


def _categories(**wanted: bool) -> frozenset[Category]:
    found = CATEGORY_KEYS.items()
    return frozenset(category for key, category in found if wanted.get(key, category not in QUIET_CATEGORIES))


def _policy(**values: Any) -> Policy:
    rules = tuple(rule for rule in values.pop("rules", ()) if rule.is_enabled)
    return Policy(**values, rules=rules)


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
            shape=SEVERITY,
            meaning="The least severity that is shown.",
        ),
    ),
)
_CADENCE: Final = Record(
    build=Cadence,
    fields=(
        Field(
            name="type",
            into="kind",
            shape=Choice(words=[str(each) for each in CadenceKind], build=CadenceKind),
            meaning="`automatic`: every push is reviewed. `auto_pause`: those of a burst are not. `manual`: once a "
            "pull request was reviewed, only what somebody asks for is.",
        ),
        Field(
            name="pushesToTrigger",
            into="pushes",
            shape=Count(least=1, most=100),
            meaning="More pushes than this within the window are a burst.",
        ),
        Field(
            name="timeWindow",
            into="window_minutes",
            shape=Count(least=1, most=1_440),
            meaning="The length of the window, in minutes.",
        ),
    ),
)
_MESSAGES: Final = Record(
    build=Messages,
    fields=(
        Field(
            name="timing",
            into="timing",
            shape=Choice(words=[str(each) for each in MessageTiming], build=MessageTiming),
            meaning="Whether the messages come with every review, only with the first one of a pull request, or never.",
        ),
        Field(
            name="startReviewMessage",
            into="start",
            shape=Text(max_chars=4_000, may_be_empty=True),
            meaning="What you say when a review begins; see [messages](github.md). Empty: nothing.",
        ),
        Field(
            name="endReviewMessage",
            into="end",
            shape=Text(max_chars=4_000, may_be_empty=True),
            meaning="What you say when it has ended. Empty: nothing.",
        ),
    ),
)
_PROMPT: Final = Text(max_chars=2_000, may_be_empty=True)
_PROMPTS: Final = Record(
    build=CustomPrompts,
    fields=(
        Field(name="bug", into="bug", shape=_PROMPT, meaning="What counts as a bug."),
        Field(name="security", into="security", shape=_PROMPT, meaning="What counts as a security problem."),
        Field(name="performance", into="performance", shape=_PROMPT, meaning="What counts as wasted time or memory."),
        Field(name="critical", into="critical", shape=_PROMPT, meaning="What is critical."),
        Field(name="high", into="high", shape=_PROMPT, meaning="What is high."),
        Field(name="medium", into="medium", shape=_PROMPT, meaning="What is medium."),
        Field(name="low", into="low", shape=_PROMPT, meaning="What is low."),
        Field(
            name="suggestion",
            into="suggestion",
            shape=_PROMPT,
            meaning="How a finding and what it suggests are written: tone, length, what is to be explained.",
        ),
    ),
)
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
            name="reviewCadence",
            into="cadence",
            shape=_CADENCE,
            meaning="How often the pushes to one pull request are reviewed.",
        ),
        Field(
            name="runOnDraft",
            into="reviews_drafts",
            shape=Flag(),
            meaning="Whether a draft is reviewed without being asked for.",
        ),
        Field(
            name="maxFiles",
            into="most_files",
            shape=Count(),
            meaning="A change of more files, ignored ones left out, is reviewed only when somebody asks. 0 means no "
            "limit.",
        ),
        Field(
            name="ignoredUsers",
            into="ignored_users",
            shape=LABELS,
            meaning="Logins whose pull requests are left alone, without a reaction, until somebody asks. `name` stands "
            "for `name[bot]` too.",
        ),
        Field(
            name="customMessages",
            into="messages",
            shape=_MESSAGES,
            meaning="Your own messages at the beginning and the end of a review.",
        ),
        Field(
            name="customPrompts",
            into="prompts",
            shape=_PROMPTS,
            meaning="Your own words on what counts as a finding, how bad it is, and how it is written. Each goes "
            "before what the reviewer is told of that otherwise.",
        ),
        Field(
            name="language",
            into="language",
            shape=Words(max_chars=40),
            meaning="The language that findings and summaries are written in, such as `Portuguese`. Empty: English.",
        ),
        Field(
            name="rules",
            into="rules",
            shape=ListOf(item=RULE, max_items=200),
            meaning="Your own requirements. Each is checked where its paths and languages say.",
        ),
        Field(
            name="excludedRules",
            into="excluded_rules",
            shape=ListOf(item=Text(max_chars=200), max_items=200),
            meaning="Titles of rules from the levels above that are not checked here. Configured folders below take "
            "them over all the same, unless they exclude them too.",
        ),
    ),
)
