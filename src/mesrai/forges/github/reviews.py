"""A review put on a pull request so that one comment GitHub will not take costs none of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.domain.pull_request import Person
from mesrai.errors import ForgeRejected
from mesrai.forges.forge import InlineComment, Posted, Verdict
from mesrai.forges.github.bodies import comment_text, review_body, review_comment_body
from mesrai.forges.github.payloads import a_mapping, an_id, as_documented, optional_object, text
from mesrai.forges.github.transport import Transport
from mesrai.forges.github.wire import is_same, person_from

MOST_COMMENTS: Final = 40  # in one review: larger ones run into GitHub's time limit
_STATES: Final = {"APPROVED": Verdict.APPROVE, "CHANGES_REQUESTED": Verdict.REQUEST_CHANGES, "DISMISSED": None}
_OWN: Final = "your own pull request"
_OWN_NOTE: Final = (
    "\n\n*GitHub lets nobody approve or request changes on a pull request of their own, so this is only a comment.*"
)
_NOT_SHOWN: Final = "GitHub took the review, but does not show this comment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is to be put on a pull request."""

    pull: str  # the path of the pull request
    sha: str
    verdict: Verdict
    body: str
    comments: tuple[InlineComment, ...]


async def post_review(transport: Transport, posting: Posting) -> Sequence[Posted]:
    """Post it as one review, or as several where it is large; one Posted a comment, in the order given.

    Where GitHub refuses a review for its comments, which it does as a whole and without saying for which, its text
    is posted alone and each comment by itself. Errors: ForgeError, ForgeRejected if even the text is refused.
    """
    groups = [posting.comments[at : at + MOST_COMMENTS] for at in range(0, len(posting.comments), MOST_COMMENTS)] or [
        ()
    ]
    posted: list[Posted] = []
    for at, group in enumerate(groups):
        is_first = at == 0
        posted += await _post_group(
            transport,
            posting,
            body=posting.body if is_first else f"More comments of this review ({at + 1} of {len(groups)}).",
            verdict=posting.verdict if is_first else Verdict.COMMENT,
            comments=group,
        )
    return posted


async def standing_verdict(transport: Transport, pull: str, me: Person) -> tuple[int, Verdict] | None:
    """Our review that approves or requests changes and counts now, with its id; None if there is none.

    A review that only comments leaves the verdict before it as it was; one that was dismissed counts no more.
    """
    found: tuple[int, Verdict] | None = None
    for each in await transport.pages(f"{pull}/reviews"):  # the oldest first
        with as_documented():
            payload = a_mapping(each)
            state = text(payload, "state")
            if state in _STATES and is_same(person_from(optional_object(payload, "user")), me):
                verdict = _STATES[state]
                found = None if verdict is None else (an_id(payload), verdict)
    return found


async def dismiss(transport: Transport, pull: str, review: int, reason: str) -> None:
    """Take the verdict of a review back."""
    await transport.write("PUT", f"{pull}/reviews/{review}/dismissals", {"message": reason, "event": "DISMISS"})


async def _post_group(
    transport: Transport, posting: Posting, *, body: str, verdict: Verdict, comments: Sequence[InlineComment]
) -> Sequence[Posted]:
    try:
        review = await _post(transport, posting, body=body, verdict=verdict, comments=comments)
    except ForgeRejected as refusal:
        if refusal.status != 422 or not comments:
            raise
    else:
        return await _with_ids(transport, posting, review, comments) if comments else ()
    if body.strip() or verdict is not Verdict.COMMENT:
        await _post(transport, posting, body=body, verdict=verdict, comments=())
    return [await _post_one(transport, posting, comment) for comment in comments]


async def _post(
    transport: Transport, posting: Posting, *, body: str, verdict: Verdict, comments: Sequence[InlineComment]
) -> int:
    """The new review's id. Our own pull request gets a comment in place of a verdict, and says so."""
    path = f"{posting.pull}/reviews"
    request = review_body(sha=posting.sha, verdict=verdict, body=body, comments=comments)
    try:
        answer = await transport.write("POST", path, request)
    except ForgeRejected as refusal:
        if verdict is Verdict.COMMENT or _OWN not in refusal.message:
            raise
        request = review_body(sha=posting.sha, verdict=Verdict.COMMENT, body=body + _OWN_NOTE, comments=comments)
        answer = await transport.write("POST", path, request)
    with as_documented():
        return an_id(a_mapping(answer))


async def _post_one(transport: Transport, posting: Posting, comment: InlineComment) -> Posted:
    try:
        answer = await transport.write(
            "POST", f"{posting.pull}/comments", review_comment_body(comment, sha=posting.sha)
        )
    except ForgeRejected as refusal:
        if refusal.status != 422:
            raise
        return Posted(comment=comment, id=None, reason=refusal.message)
    with as_documented():
        return Posted(comment=comment, id=an_id(a_mapping(answer)))


async def _with_ids(
    transport: Transport, posting: Posting, review: int, comments: Sequence[InlineComment]
) -> Sequence[Posted]:
    """Each comment with the id it got: the answer to a review does not name its comments, so they are read."""
    standing = await transport.pages(f"{posting.pull}/reviews/{review}/comments")
    left: dict[tuple[Any, str], list[int]] = {}
    with as_documented():
        for each in standing:
            payload = a_mapping(each)
            left.setdefault(_key(payload.get("path"), payload.get("body")), []).append(an_id(payload))
    posted = []
    for comment in comments:
        ids = left.get(_key(comment.path, comment_text(comment.body)))
        posted.append(
            Posted(comment=comment, id=ids.pop(0)) if ids else Posted(comment=comment, id=None, reason=_NOT_SHOWN)
        )
    return posted


def _key(path: Any, body: Any) -> tuple[Any, str]:
    """What a comment is known by: GitHub may change spaces at the ends and line ends."""
    return path, " ".join(body.split()) if isinstance(body, str) else ""
