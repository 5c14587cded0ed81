"""End what reviews began to say and never came back to, because their process was lost and something newer came."""

from dataclasses import replace

from mesrai.domain.pull_request import Lifecycle, PullRequest
from mesrai.flows.publish import Known, say_overtaken
from mesrai.forges.forge import Forge
from mesrai.store.database import Database
from mesrai.store.pull_requests import Followed
from mesrai.store.reviews import PARKED, RUNNING, STOPPED, ReviewFilter, newest_reviews, set_outcome

_REASON = "Its process was lost, and something newer took its place."


async def end_interrupted(
    database: Database, forge: Forge, pull_request: PullRequest, followed: Followed, *, review: str
) -> None:
    """For whoever holds the job of this pull request, which stands as `pull_request` now, before `review` begins.

    All other reviews of it that seem to run are over: theirs was the job before. What they announced on a commit that
    is no longer to be reviewed is ended there; so is what this very review announced, if the head moved since.
    Errors: StoreError, ForgeRateLimited.
    """
    chosen = ReviewFilter(subject=followed.subject, outcomes=(RUNNING, PARKED))
    for left in await newest_reviews(database, chosen):
        is_due = left.head_sha == pull_request.head_sha and pull_request.lifecycle is Lifecycle.OPEN
        if is_due and left.id == review:
            continue
        if not is_due:
            known = Known(
                summary_comment=followed.summary_comment,
                check=followed.check_id if followed.check_sha == left.head_sha else None,
                check_sha=left.head_sha,
            )
            await say_overtaken(forge, replace(pull_request, head_sha=left.head_sha), pull_request, known=known)
        await set_outcome(database, left.id, STOPPED, reason=_REASON)
