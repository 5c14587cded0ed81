"""What the owners of a repository ask of a review: rules, paths to leave out, limits."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from mesrai.domain.finding import Category, Severity
from mesrai.domain.globs import path_matches
from mesrai.domain.memory import Memory

POLICY_FILE: Final = "mesrai-config.yml"  # at the root of the repository
RULE_FILES: Final = (".mesrai/rules/**/*.md",)

IGNORED_BY_DEFAULT: Final = ("yarn.lock", "package-lock.json", "package.json", ".env")

# Looked for only where the owners switch them on: without being asked, they are mostly noise.
QUIET_CATEGORIES: Final = frozenset({Category.CODE_STYLE, Category.REFACTORING})

LANGUAGE_SUFFIXES: Final = {
    "jsts": (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
    "go": (".go",),
    "php": (".php", ".phtml"),
    "ruby": (".rb", ".rake", ".gemspec"),
    "java": (".java",),
    "csharp": (".cs", ".csx"),
    "dart": (".dart",),
    "kotlin": (".kt", ".kts"),
    "rust": (".rs",),
    "python": (".py", ".pyi"),
    "c": (".c", ".h"),
    "cpp": (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".h"),
}


class ExistingDescription(StrEnum):
    """What a generated summary does to the description the author wrote."""

    REPLACE = "replace"
    CONCATENATE = "concatenate"
    COMPLEMENT = "complement"


class Grouping(StrEnum):
    """How similar findings are shown."""

    FULL = "full"  # one comment that lists every place
    INDIVIDUAL = "individual"  # one comment a place


class Limitation(StrEnum):
    """What the limit of suggestions is counted by."""

    PR = "pr"
    FILE = "file"


class Scope(StrEnum):
    """What a rule looks at."""

    FILE = "file"
    PULL_REQUEST = "pull_request"


class CadenceKind(StrEnum):
    """What happens after a push to a pull request that was reviewed before."""

    AUTOMATIC = "automatic"  # every push is reviewed
    AUTO_PAUSE = "auto_pause"  # every push but those of a burst
    MANUAL = "manual"  # only what somebody asks for


class MessageTiming(StrEnum):
    """When the owners' own messages are posted."""

    EVERY_PUSH = "every_push"  # with every review
    WHEN_OPENED = "when_opened"  # with the first review of a pull request
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Code that keeps a rule, or breaks it."""

    snippet: str
    is_correct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One plain-language requirement, with the paths it covers."""

    title: str
    rule: str  # the requirement itself
    severity: Severity = Severity.MEDIUM
    scope: Scope = Scope.FILE
    paths: tuple[str, ...] = ()  # patterns as in .gitignore; none means every file
    languages: tuple[str, ...] = ()  # names of LANGUAGE_SUFFIXES; none means every language
    examples: tuple[Example, ...] = ()
    buckets: tuple[str, ...] = ()  # the owners' own labels
    uuid: str = ""
    is_enabled: bool = True
    is_inheritable: bool = True
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    origin: str = ""  # "file:line" where it was read

    def covers(self, path: str) -> bool:
        """Whether it holds for that path."""
        if self.paths and not path_matches(path, self.paths):
            return False
        suffix = PurePosixPath(path).suffix.lower()
        return not self.languages or any(suffix in LANGUAGE_SUFFIXES.get(each, ()) for each in self.languages)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWishes:
    """What the owners want of a generated summary."""

    is_generated: bool = True
    instructions: str = ""
    existing_description: ExistingDescription = ExistingDescription.CONCATENATE


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionControl:
    """How many findings are shown, and which."""

    grouping_mode: Grouping = Grouping.FULL
    limitation_type: Limitation = Limitation.PR
    max_suggestions: int = 10  # 0: no limit
    severity_level_filter: Severity = Severity.LOW  # the least severity shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often the pushes to one pull request are reviewed."""

    kind: CadenceKind = CadenceKind.AUTO_PAUSE
    pushes: int = 3  # more than so many within the window are a burst
    window_minutes: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """What the owners say at the beginning and the end of a review; templates with `@placeholders`."""

    start: str = ""  # empty: none
    end: str = ""
    timing: MessageTiming = MessageTiming.EVERY_PUSH


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomPrompts:
    """What the owners say of findings, in their own words; empty: what is said anyway."""

    bug: str = ""  # what to look for
    security: str = ""
    performance: str = ""
    critical: str = ""  # what is so bad
    high: str = ""
    medium: str = ""
    low: str = ""
    suggestion: str = ""  # how a finding and its suggestion are written


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a repository's owners ask for; without a policy file, the documented defaults."""

    version: str = "1.2"
    summary: SummaryWishes = SummaryWishes()
    ignore_paths: tuple[str, ...] = IGNORED_BY_DEFAULT
    base_branches: tuple[str, ...] = ()  # reviewed besides the default branch
    categories: frozenset[Category] = frozenset(Category) - QUIET_CATEGORIES
    suggestion_control: SuggestionControl = SuggestionControl()
    ignored_title_keywords: tuple[str, ...] = ()
    is_review_automatic: bool = True
    may_approve: bool = False
    may_request_changes: bool = False
    memories_require_approval: bool = False
    cadence: Cadence = Cadence()
    reviews_drafts: bool = False
    most_files: int = 200  # not ignored; a change of more is reviewed only when somebody asks. 0: no limit
    ignored_users: tuple[str, ...] = ()  # logins whose pull requests are not reviewed, without a reaction
    messages: Messages = Messages()
    prompts: CustomPrompts = CustomPrompts()
    language: str = ""  # in which findings are written; empty: as the model likes, which is English
    rules: tuple[Rule, ...] = ()  # the enabled ones
    excluded_rules: tuple[str, ...] = ()  # titles of inherited rules that are not taken over where this is said
    memories: tuple[Memory, ...] = ()  # the active ones that hold here
    notices: tuple[str, ...] = ()  # files of rules and memories that could not be used, a sentence each

    def ignores(self, path: str) -> bool:
        """Whether the owners want no review of that path."""
        return path_matches(path, self.ignore_paths)

    def wants(self, category: Category) -> bool:
        """Whether the owners want findings of that category."""
        return category in self.categories

    def rules_for(self, path: str) -> tuple[Rule, ...]:
        """The rules that look at single files and hold for that path."""
        return tuple(rule for rule in self.rules if rule.scope is Scope.FILE and rule.covers(path))

    @property
    def rules_for_change(self) -> tuple[Rule, ...]:
        """The rules that look at the change as a whole."""
        return tuple(rule for rule in self.rules if rule.scope is Scope.PULL_REQUEST)
