"""Reviews and comments on lines: made, answered, read, edited."""

from typing import Any

from tests.github.anchoring import LONGEST_BODY, Anchor, Unanchored, anchor
from tests.github.asked import Answer, Ask, Endpoint, Refused, invalid, unprocessable
from tests.github.pull_shapes import review_comment_shape, review_shape
from tests.github.records import Pull, Review, ReviewComment
from tests.github.told import tell_review, tell_review_comment

_STATES = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
    "": "PENDING",
}


def _commit(ask: Ask, pull: Pull) -> str:
    """The commit a comment is for. Errors: Refused for one the pull request never had."""
    wanted = ask.body.get("commit_id") or pull.head_sha
    if wanted not in {*pull.heads, *(each.sha for each in ask.world.commits(pull))}:
        raise invalid("PullRequestReviewComment", "commit_id", "commit_id is not part of the pull request")
    return str(wanted)


def create_review(ask: Ask) -> Answer:
    """One review with all its comments, or, if any of them points nowhere, nothing at all."""
    pull, world, sent = ask.pull(level="write"), ask.world, ask.body
    user = ask.caller.user
    event, body = sent.get("event") or "", sent.get("body") or ""
    comments: list[dict[str, Any]] = sent.get("comments") or []
    _check_event(ask, pull, event, body, has_comments=bool(comments))
    commit = _commit(ask, pull)
    anchors: list[Anchor] = []
    errors: list[str] = []
    for each in comments:
        if not each.get("body") or len(each["body"]) > LONGEST_BODY:
            errors.append(
                "Body is too long (maximum is 65536 characters)" if each.get("body") else "Body can't be blank"
            )
            continue
        try:
            anchors.append(anchor(world, pull, {**each, "subject_type": "line"}, commit))
        except Unanchored as error:
            errors.append(error.sentence)
    if errors:
        raise unprocessable(*dict.fromkeys(errors))
    review = Review(
        id=world.new_id(),
        pull=pull,
        user=user,
        body=body,
        state=_STATES[event],
        commit=commit,
        submitted=world.now() if event else None,
    )
    world.reviews.append(review)
    made = [_add(ask, review, at, each["body"]) for at, each in zip(anchors, comments, strict=True)]
    pull.updated = world.now()
    if event:
        tell_review(world, review)
        for comment in made:
            tell_review_comment(world, comment, "created")
    return Answer(body=review_shape(world, review))


def _check_event(ask: Ask, pull: Pull, event: str, body: str, *, has_comments: bool) -> None:
    user = ask.caller.user
    if event not in _STATES:
        raise unprocessable("Variable $event of type PullRequestReviewEvent was provided invalid value")
    if len(body) > LONGEST_BODY:
        raise unprocessable("Body is too long (maximum is 65536 characters)")
    if event == "REQUEST_CHANGES" and not body:
        raise unprocessable("Body can't be blank")
    if event == "COMMENT" and not body and not has_comments:
        raise unprocessable("Body can't be blank")
    if user is pull.author and event in ("APPROVE", "REQUEST_CHANGES"):
        raise unprocessable(f"Can not {event.lower().replace('_', ' ')} {_on(event)}your own pull request")
    pending = any(r.pull is pull and r.user is user and r.state == "PENDING" for r in ask.world.reviews)
    if pending:
        raise unprocessable("User can only have one pending review per pull request")


def _on(event: str) -> str:
    return "on " if event == "REQUEST_CHANGES" else ""


def _add(ask: Ask, review: Review, at: Anchor, body: str, reply_to: int | None = None) -> ReviewComment:
    now = ask.world.now()
    comment = ReviewComment(
        id=ask.world.new_id(),
        pull=review.pull,
        review=review,
        user=review.user,
        body=body,
        path=at.path,
        commit=at.commit,
        merge_base=at.merge_base,
        diff_hunk=at.diff_hunk,
        side=at.side,
        line=at.line,
        start_line=at.start_line,
        start_side=at.start_side,
        created=now,
        updated=now,
        reply_to=reply_to,
    )
    ask.world.review_comments.append(comment)
    return comment


def _alone(ask: Ask, pull: Pull, at: Anchor, body: str, reply_to: int | None = None) -> Answer:
    """A comment outside a review gets one of its own, as on GitHub."""
    world = ask.world
    review = Review(
        id=world.new_id(),
        pull=pull,
        user=ask.caller.user,
        body="",
        state="COMMENTED",
        commit=at.commit,
        submitted=world.now(),
    )
    world.reviews.append(review)
    comment = _add(ask, review, at, body, reply_to)
    tell_review(world, review)
    tell_review_comment(world, comment, "created")
    shape = review_comment_shape(world, comment)
    return Answer(status=201, body=shape, headers={"Location": shape["url"]})


def _text(ask: Ask) -> str:
    body = str(ask.body.get("body") or "")
    if not body:
        raise invalid("PullRequestReviewComment", "body", "body can't be blank", "missing_field")
    if len(body) > LONGEST_BODY:
        raise invalid("PullRequestReviewComment", "body", "body is too long (maximum is 65536 characters)")
    return body


def create_comment(ask: Ask) -> Answer:
    """A comment on lines or on a file, or an answer to one."""
    pull, sent = ask.pull(level="write"), ask.body
    body = _text(ask)
    if sent.get("in_reply_to") is not None:
        return _answer(ask, pull, int(sent["in_reply_to"]), body)
    commit = _commit(ask, pull)
    try:
        at = anchor(ask.world, pull, sent, commit)
    except Unanchored as error:
        name = f"pull_request_review_thread.{error.field}"
        raise invalid("PullRequestReviewComment", name, f"{name} {error.message}") from None
    return _alone(ask, pull, at, body)


def reply(ask: Ask) -> Answer:
    """An answer, by the address of the comment that began the thread."""
    pull = ask.pull(level="write")
    return _answer(ask, pull, int(ask.names["comment"]), _text(ask))


def _answer(ask: Ask, pull: Pull, comment: int, body: str) -> Answer:
    root = next((each for each in ask.world.review_comments if each.id == comment and each.pull is pull), None)
    if root is None:
        raise Refused(404, "Not Found")
    if root.reply_to is not None:
        raise invalid("PullRequestReviewComment", "in_reply_to", "Can't reply to a reply")
    at = Anchor(
        path=root.path,
        commit=root.commit,
        merge_base=root.merge_base,
        diff_hunk=root.diff_hunk,
        side=root.side,
        line=root.line,
        start_line=root.start_line,
        start_side=root.start_side,
    )
    return _alone(ask, pull, at, body, root.id)


def list_reviews(ask: Ask) -> Answer:
    pull = ask.pull()
    user = ask.caller.user
    seen = [r for r in ask.world.reviews if r.pull is pull and (r.state != "PENDING" or r.user is user)]
    rows, headers = ask.page([review_shape(ask.world, each) for each in seen])
    return Answer(body=rows, headers=headers)


def list_comments(ask: Ask) -> Answer:
    pull = ask.pull()
    found = [each for each in ask.world.review_comments if each.pull is pull and each.review.state != "PENDING"]
    if ask.query.get("sort") in ("updated", "created") and ask.query.get("direction") == "desc":
        found.reverse()
    rows, headers = ask.page([review_comment_shape(ask.world, each) for each in found])
    return Answer(body=rows, headers=headers)


def list_review_comments(ask: Ask) -> Answer:
    pull = ask.pull()
    review = _review(ask, pull)
    found = [each for each in ask.world.review_comments if each.review is review]
    shapes = [review_comment_shape(ask.world, each) for each in found]
    left_out = {"line", "original_line", "start_line", "original_start_line", "start_side", "side", "subject_type"}
    # This one listing still tells places the old way.
    shown = [{name: value for name, value in each.items() if name not in left_out} for each in shapes]
    rows, headers = ask.page(shown)
    return Answer(body=rows, headers=headers)


def _review(ask: Ask, pull: Pull) -> Review:
    wanted = int(ask.names["review"])
    found = next((each for each in ask.world.reviews if each.id == wanted and each.pull is pull), None)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def get_review(ask: Ask) -> Answer:
    return Answer(body=review_shape(ask.world, _review(ask, ask.pull())))


def dismiss_review(ask: Ask) -> Answer:
    review = _review(ask, ask.pull(level="write"))
    if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise unprocessable("Can not dismiss a commented pull request review")
    review.state = "DISMISSED"
    return Answer(body=review_shape(ask.world, review))


def delete_review(ask: Ask) -> Answer:
    """Only one that was not submitted yet."""
    review = _review(ask, ask.pull(level="write"))
    if review.state != "PENDING":
        raise unprocessable("Can not delete a non-pending pull request review")
    ask.world.reviews.remove(review)
    ask.world.review_comments[:] = [each for each in ask.world.review_comments if each.review is not review]
    return Answer(body=review_shape(ask.world, review))


def _comment(ask: Ask, level: str) -> ReviewComment:
    repository = ask.may("pull_requests", level)
    wanted = int(ask.names["comment"])
    for each in ask.world.review_comments:
        if each.id == wanted and each.pull.repository is repository:
            return each
    raise Refused(404, "Not Found")


def get_comment(ask: Ask) -> Answer:
    return Answer(body=review_comment_shape(ask.world, _comment(ask, "read")))


def edit_comment(ask: Ask) -> Answer:
    comment = _comment(ask, "write")
    if ask.caller.user is not comment.user and ask.caller.installation is not None:
        raise Refused(403, "Resource not accessible by integration")
    before = comment.body
    comment.body, comment.updated = _text(ask), ask.world.now()
    tell_review_comment(ask.world, comment, "edited", changes={"body": {"from": before}})
    return Answer(body=review_comment_shape(ask.world, comment))


def delete_comment(ask: Ask) -> Answer:
    comment = _comment(ask, "write")
    ask.world.review_comments.remove(comment)
    tell_review_comment(ask.world, comment, "deleted")
    return Answer(status=204)


_PULL = "/repos/{owner}/{repo}/pulls/{number}"
_ONE = "/repos/{owner}/{repo}/pulls/comments/{comment}"

ROUTES: list[tuple[str, str, Endpoint]] = [
    ("POST", f"{_PULL}/reviews", create_review),
    ("GET", f"{_PULL}/reviews", list_reviews),
    ("GET", f"{_PULL}/reviews/{{review}}", get_review),
    ("DELETE", f"{_PULL}/reviews/{{review}}", delete_review),
    ("GET", f"{_PULL}/reviews/{{review}}/comments", list_review_comments),
    ("PUT", f"{_PULL}/reviews/{{review}}/dismissals", dismiss_review),
    ("POST", f"{_PULL}/comments", create_comment),
    ("GET", f"{_PULL}/comments", list_comments),
    ("POST", f"{_PULL}/comments/{{comment}}/replies", reply),
    ("GET", _ONE, get_comment),
    ("PATCH", _ONE, edit_comment),
    ("DELETE", _ONE, delete_comment),
]
