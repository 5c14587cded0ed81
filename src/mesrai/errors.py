"""Every error of the product, grouped by who can do something about it.

MesraiError
├─ UserError
│  ├─ SettingsError
│  ├─ PolicyError
│  ├─ NotARepository
│  ├─ UnknownRevision
│  ├─ FileChanged
│  ├─ MemoryRefused
│  ├─ ConnectionUnproven
│  ├─ CredentialMissing
│  ├─ AccessDenied
│  └─ SignInRefused
├─ SourceError
│  └─ HeadGone
├─ AnalyserError
├─ ForgeError
│  ├─ ForgeAuth
│  ├─ ForgeNotFound
│  ├─ ForgeRejected
│  ├─ ForgeRateLimited
│  └─ ForgeUnavailable
├─ WebhookRejected
├─ SignInUnavailable
├─ StoreError
│  ├─ StoreUnavailable
│  ├─ VaultLocked
│  └─ LeaseLost
└─ ModelError
   ├─ ModelAuth
   ├─ ModelNotAdmitted
   ├─ ModelUnknown
   ├─ ModelOutOfCredit
   ├─ ModelQuota
   ├─ ModelThrottled
   ├─ ModelOverloaded
   ├─ ModelUnavailable
   ├─ ModelTimeout
   ├─ PromptTooLong
   ├─ PromptRejected
   ├─ AnswerRefused
   ├─ AnswerEmpty
   ├─ AnswerCut
   ├─ AnswerUnreadable
   ├─ BudgetSpent
   └─ NoModelLeft

A class's docstring is its default message; its `remedy` says what may help, and only the places that carry a remedy
out read it. Messages name the thing and the next step, and never hold a secret or more than 200 characters of a body.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar


class Remedy(StrEnum):
    """What can be done about an error."""

    FIX = "fix"  # the person must change something
    RETRY = "retry"  # the same call may work later
    NEXT_MODEL = "next_model"  # another model may do it; the same one will not
    SPLIT = "split"  # the same work in smaller pieces may do
    REPORT = "report"  # nothing to do but say so


class MesraiError(Exception):
    """Something went wrong."""

    remedy: ClassVar[Remedy] = Remedy.REPORT

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n", 1)[0])

    @property
    def message(self) -> str:
        """The sentence for a person."""
        return str(self.args[0])


class UserError(MesraiError):
    """Something the person can put right."""

    remedy = Remedy.FIX


class SettingsError(UserError):
    """The settings cannot be used."""


class PolicyError(UserError):
    """The policy file cannot be used."""

    def __init__(
        self, message: str, *, file: str, line: int | None = None, problems: Sequence[tuple[int, str]] = ()
    ) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {message}")
        self.file = file
        self.line = line
        self.problems = tuple(problems) or ((line or 1, message),)  # all that is wrong, each with its line


class NotARepository(UserError):
    """This folder is not inside a git repository."""


class UnknownRevision(UserError):
    """Git knows no such revision here."""


class FileChanged(UserError):
    """The file changed since it was reviewed, so nothing was written to it."""


class MemoryRefused(UserError):
    """This memory cannot be kept or changed."""


class CredentialMissing(UserError):
    """No model is connected. Run `mesrai doctor` to see how to connect one."""


class AccessDenied(UserError):
    """Your role does not allow that. An owner or admin can give you another one."""


class SignInRefused(UserError):
    """Address or password is wrong."""

    def __init__(self, message: str | None = None, *, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s  # until it may be tried again


class ConnectionUnproven(UserError):
    """The connection did not pass its test, so it was not saved."""


class SourceError(MesraiError):
    """The change or its files could not be read."""


class HeadGone(SourceError):
    """The commit to review is no longer part of the pull request."""


class AnalyserError(MesraiError):
    """A static analyser did not run to its end."""


class ForgeError(MesraiError):
    """The code host did not do what was asked."""

    def __init__(self, message: str | None = None, *, status: int | None = None, request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class ForgeAuth(ForgeError):
    """The code host does not accept the credentials, or they may not do this."""

    remedy = Remedy.FIX


class ForgeNotFound(ForgeError):
    """The code host has no such thing, or does not show it to us."""

    remedy = Remedy.FIX


class ForgeRejected(ForgeError):
    """The code host refused the request as wrong."""


class ForgeRateLimited(ForgeError):
    """The code host limits how fast we may ask."""

    remedy = Remedy.RETRY

    def __init__(self, message: str | None = None, *, retry_after_s: float, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after_s = retry_after_s


class ForgeUnavailable(ForgeError):
    """The code host could not be reached or failed on its side."""

    remedy = Remedy.RETRY


class WebhookRejected(MesraiError):
    """A webhook was not what it should be; `status` is the HTTP status to answer with."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class SignInUnavailable(MesraiError):
    """The identity provider cannot be asked now."""

    remedy = Remedy.RETRY


class StoreError(MesraiError):
    """What Mesrai remembers could not be read or written."""


class StoreUnavailable(StoreError):
    """The database cannot be reached."""

    remedy = Remedy.RETRY


class VaultLocked(StoreError):
    """A stored key cannot be opened, because the master key that sealed it is not at hand."""

    remedy = Remedy.FIX


class LeaseLost(StoreError):
    """Another worker has this job now."""


class ModelError(MesraiError):
    """The model did not give a usable answer."""

    def __init__(
        self,
        message: str | None = None,
        *,
        provider: str = "",
        model: str = "",
        status: int | None = None,
        request_id: str = "",
        retry_after_s: float | None = None,
        resets_at: str = "",
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model
        self.status = status
        self.request_id = request_id
        self.retry_after_s = retry_after_s  # None: the provider gave no time to wait
        self.calls = 1  # HTTP requests this failure cost
        self.usage: object = None  # domain.usage.Usage of its tokens and money, where the provider said what they were
        self.resets_at = resets_at  # of a quota, in the provider's words
        self.until: float | None = None  # when it may work again, in seconds since the epoch; None: not known


class ModelAuth(ModelError):
    """The provider does not accept this key. Check that the key belongs to this base URL and plan."""

    remedy = Remedy.NEXT_MODEL


class ModelNotAdmitted(ModelError):
    """The provider does not admit this client or account to this endpoint."""

    remedy = Remedy.NEXT_MODEL


class ModelUnknown(ModelError):
    """The provider has no such model, or the key may not use it."""

    remedy = Remedy.NEXT_MODEL


class ModelOutOfCredit(ModelError):
    """The account has no credit left. Add funds at the provider, or use another connection."""

    remedy = Remedy.NEXT_MODEL


class ModelQuota(ModelError):
    """The plan's quota is used up."""

    remedy = Remedy.NEXT_MODEL


class ModelThrottled(ModelError):
    """The provider limits how fast this account may ask. Lower the number of concurrent requests."""

    remedy = Remedy.RETRY


class ModelOverloaded(ModelError):
    """The provider is overloaded."""

    remedy = Remedy.RETRY


class ModelUnavailable(ModelError):
    """The provider could not be reached or failed on its side."""

    remedy = Remedy.RETRY


class ModelTimeout(ModelError):
    """The provider did not answer in time."""

    remedy = Remedy.RETRY


class PromptTooLong(ModelError):
    """The request is larger than the model's window or the provider's body limit."""

    remedy = Remedy.SPLIT


class PromptRejected(ModelError):
    """The provider refused the request as malformed."""

    remedy = Remedy.NEXT_MODEL


class AnswerRefused(ModelError):
    """The provider's content filter, or the model, refused to answer."""

    remedy = Remedy.NEXT_MODEL


class AnswerEmpty(ModelError):
    """The model answered with no text."""

    remedy = Remedy.RETRY


class AnswerCut(ModelError):
    """The answer ended before it was complete."""

    remedy = Remedy.RETRY
    reached_limit: bool = False  # True: it filled the room it was given, and may fit a larger one


class AnswerUnreadable(ModelError):
    """The answer does not have the agreed shape, even after one repair."""

    remedy = Remedy.NEXT_MODEL


class BudgetSpent(ModelError):
    """The budget is spent, so no more is asked."""

    is_of_review: bool = False  # True: it is the budget of one review, which no time renews


class NoModelLeft(ModelError):
    """Every connected model failed."""

    def __init__(self, causes: Sequence[ModelError]) -> None:
        super().__init__("Every connected model failed: " + " / ".join(cause.message for cause in causes))
        self.causes = tuple(causes)
        known = [cause.until for cause in causes if cause.until is not None]
        self.until = min(known, default=None)
        self.calls = sum(cause.calls for cause in causes)
