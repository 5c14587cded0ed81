"""Reactions to pull requests, comments and comments on lines."""

from tests.github.asked import Answer, Ask, Endpoint, Refused, invalid
from tests.github.pull_shapes import reaction_shape
from tests.github.records import Reacted
from tests.github.rest_pulls import SPEAK

KINDS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def _on(ask: Ask, level: str) -> tuple[str, int]:
    """What the path names. Errors: Refused."""
    if "number" in ask.names:
        return "issues", ask.pull(SPEAK, level).id
    on_lines = "/pulls/comments/" in ask.path
    repository = ask.may("pull_requests" if on_lines else SPEAK, level)
    found = ask.world.review_comments if on_lines else ask.world.comments
    wanted = int(ask.names["comment"])
    if not any(each.id == wanted and each.pull.repository is repository for each in found):
        raise Refused(404, "Not Found")
    return ("pulls" if on_lines else "comments"), wanted


def create(ask: Ask) -> Answer:
    """The same reaction by the same account is there once: 200 instead of 201."""
    on, content, user = _on(ask, "write"), ask.body.get("content"), ask.caller.user
    if content not in KINDS:
        raise invalid("Reaction", "content", "content is not included in the list", "invalid")
    for each in ask.world.reactions:
        if each.on == on and each.user is user and each.content == content:
            return Answer(body=reaction_shape(ask.world, each))
    made = Reacted(id=ask.world.new_id(), user=user, content=content, on=on, created=ask.world.now())
    ask.world.reactions.append(made)
    return Answer(status=201, body=reaction_shape(ask.world, made))


def listing(ask: Ask) -> Answer:
    on, kind = _on(ask, "read"), ask.query.get("content")
    found = [each for each in ask.world.reactions if each.on == on and kind in (None, each.content)]
    rows, headers = ask.page([reaction_shape(ask.world, each) for each in found])
    return Answer(body=rows, headers=headers)


def delete(ask: Ask) -> Answer:
    """Only one's own."""
    on = _on(ask, "write")
    for each in ask.world.reactions:
        if each.id == int(ask.names["reaction"]) and each.on == on:
            if each.user is not ask.caller.user:
                raise Refused(403, "Must have admin rights to Repository.")
            ask.world.reactions.remove(each)
            return Answer(status=204)
    raise Refused(404, "Not Found")


_REPO = "/repos/{owner}/{repo}"

ROUTES: list[tuple[str, str, Endpoint]] = [
    (method, f"{_REPO}/{place}/reactions{rest}", endpoint)
    for place in ("issues/{number}", "issues/comments/{comment}", "pulls/comments/{comment}")
    for method, rest, endpoint in (("POST", "", create), ("GET", "", listing), ("DELETE", "/{reaction}", delete))
]
