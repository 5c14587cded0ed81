"""What a test of a connection reports: its stages, what is wrong, and what may be done about it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.connection import Learned
from mesrai.domain.usage import Usage


class Stage(StrEnum):
    """The stages of a test, in order. The first three cost nothing; the others ask the model."""

    ADDRESS = "address"
    KEY = "key"
    MODEL = "model"
    INFERENCE = "inference"
    TOOLS = "tools"  # one tool round trip, reasoning sent back
    SHAPE = "shape"  # one answer in an agreed shape


FREE: tuple[Stage, ...] = (Stage.ADDRESS, Stage.KEY, Stage.MODEL)


class State(StrEnum):
    """How a stage stands."""

    RUNNING = "running"
    PASSED = "passed"
    LIMITED = "limited"  # it works, but something must be known: throttled, low balance, retired model
    FAILED = "failed"
    SKIPPED = "skipped"  # not asked for, or an earlier stage failed


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """One stage, as far as it came."""

    stage: Stage
    state: State
    told: str = ""  # a sentence
    facts: tuple[str, ...] = ()  # what was found out: the balance, the quota windows, …
    took_s: float = 0.0


class Problem(StrEnum):
    """What is wrong with a connection. The words are for programs and stay as they are."""

    WRONG_PLAN = "wrong_plan"  # the key belongs to another plan, region or platform of the same vendor
    BAD_KEY = "bad_key"
    NOT_ADMITTED = "not_admitted"  # the client or account may not use this surface
    OUT_OF_CREDIT = "out_of_credit"
    QUOTA_SPENT = "quota_spent"
    MEMBERSHIP_LAPSED = "membership_lapsed"
    THROTTLED = "throttled"
    OVERLOADED = "overloaded"
    UNKNOWN_MODEL = "unknown_model"
    BAD_ADDRESS = "bad_address"  # no API there: another path, a web site, a redirect
    UNREACHABLE = "unreachable"  # DNS, TLS, proxy, nothing listens
    TOO_SLOW = "too_slow"
    PROVIDER_FAILED = "provider_failed"
    SETTING_REFUSED = "setting_refused"  # a field of ours or of the custom JSON is not taken
    NO_TOOLS = "no_tools"
    NO_SHAPE = "no_shape"  # answers, but not in the agreed shape
    NO_ANSWER = "no_answer"  # an empty or cut answer
    REFUSED_ANSWER = "refused_answer"  # a content filter


class Step(StrEnum):
    """What a person can do, so that a page or a program can offer it as one click."""

    SWITCH_PLAN = "switch_plan"  # to `provider`
    SEARCH_PLANS = "search_plans"  # ask the vendor's other endpoints, for free, whose key this is: probe_home.find_home
    PICK_MODEL = "pick_model"  # `model`
    REPLACE_KEY = "replace_key"
    ADD_FUNDS = "add_funds"
    WAIT = "wait"
    LOWER_CAP = "lower_cap"
    FIX_ADDRESS = "fix_address"  # to `base_url`, where one is known
    CHECK_NETWORK = "check_network"
    CHANGE_SETTING = "change_setting"
    ASK_VENDOR = "ask_vendor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do."""

    step: Step
    told: str  # a sentence
    provider: str = ""
    model: str = ""
    base_url: str = ""
    link: str = ""  # where it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is wrong, in words, with the provider's own kept beside."""

    problem: Problem
    told: str
    advice: tuple[Advice, ...] = ()  # the likeliest first
    provider_words: str = ""  # shortened, without anything key-like
    request_id: str = ""
    status: int | None = None
    resets_at: str = ""  # of a quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A test that came to its end."""

    stages: tuple[StageResult, ...]
    diagnosis: Diagnosis | None = None  # None: nothing is wrong as far as was tested
    learned: Learned | None = None  # what the vendor's own list said of the model
    listed: tuple[str, ...] = ()  # model ids the provider lists for this key
    usage: Usage = Usage()
    unproven: tuple[str, ...] = ()  # sentences: what this test did not prove
    notices: tuple[str, ...] = ()

    def state_of(self, stage: Stage) -> State:
        """How a stage ended."""
        return next((each.state for each in self.stages if each.stage is stage), State.SKIPPED)

    @property
    def is_failed(self) -> bool:
        """Whether some stage failed."""
        return any(each.state is State.FAILED for each in self.stages)

    @property
    def is_proven(self) -> bool:
        """Whether the model really answered in every stage, so that a review can run on it."""
        asked = (Stage.INFERENCE, Stage.TOOLS, Stage.SHAPE)
        return not self.is_failed and all(self.state_of(each) in (State.PASSED, State.LIMITED) for each in asked)


class Verdict(StrEnum):
    """What an endpoint said of a key."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNTOLD = "untold"  # it cannot be asked for free, or said something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An endpoint of the vendor's that was asked whether a key is its own."""

    provider: str  # id in the catalogue
    name: str
    base_url: str
    verdict: Verdict
    told: str  # a sentence


Watch = Callable[[StageResult], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most a full test can spend."""

    calls: int
    tokens: int
    cost: str = ""  # "0.02 USD"; empty: no price is known, or nothing is paid by the token
