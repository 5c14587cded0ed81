"""The exit codes, and which error or review ends in which."""

from collections.abc import Sequence
from enum import IntEnum

from mesrai.domain.finding import Severity
from mesrai.domain.review import Outcome, Review
from mesrai.errors import (
    CredentialMissing,
    MesraiError,
    ModelAuth,
    NoModelLeft,
    NotARepository,
    UserError,
    VaultLocked,
)


class Exit(IntEnum):
    """What the process ends with."""

    FINE = 0  # reviewed, or nothing to review
    FOUND = 1  # a finding at or above --fail-on
    USAGE = 2  # wrong usage or configuration
    CREDENTIALS = 3
    FAILED = 4  # model, network or forge
    NO_REPOSITORY = 5
    PARTLY = 6  # --fail-on was asked, nothing reached it, but not all was reviewed


def exit_code_for(error: MesraiError) -> Exit:
    """The code of an error that ended the command."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, MesraiError):
        return exit_code_for(cause)
    if isinstance(error, NoModelLeft):
        codes = {exit_code_for(each) for each in error.causes}
        return codes.pop() if len(codes) == 1 else Exit.FAILED
    if isinstance(error, CredentialMissing | ModelAuth | VaultLocked):
        return Exit.CREDENTIALS
    if isinstance(error, NotARepository):
        return Exit.NO_REPOSITORY
    return Exit.USAGE if isinstance(error, UserError) else Exit.FAILED


def exit_code_of(review: Review, fail_on: Severity | None, *, still_open: Sequence[Severity] | None = None) -> Exit:
    """The code of a review that came to its end; `still_open`: what counts in place of its own findings."""
    if review.outcome is Outcome.FAILED:
        return Exit.FAILED
    if fail_on is None:
        return Exit.FINE
    severities = [finding.severity for finding in review.findings]
    severities += [Severity(each.severity) for each in review.unanchored if each.severity in list(Severity)]
    counted = severities if still_open is None else still_open
    if any(severity.reaches(fail_on) for severity in counted):
        return Exit.FOUND
    return Exit.PARTLY if review.outcome is Outcome.PARTIAL else Exit.FINE
