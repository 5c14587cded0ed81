"""The part of GitHub's GraphQL interface that a reviewer needs: threads on lines, and settling them.

The types below are a part of GitHub's own schema; a test compares the two. A query is run against them; the judge
checks it against the whole of GitHub's schema.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync
from tests.github.asked import Answer, Ask, Endpoint, Refused
from tests.github.project_shapes import Shape
from tests.github.pull_shapes import pull_html
from tests.github.records import IssueComment, Pull, Repository, Review, ReviewComment, User
from tests.github.told import tell_thread
from tests.github.world import World

SDL = """
scalar URI
scalar DateTime
scalar BigInt
scalar GitObjectID
interface Node { id: ID! }
interface Actor { login: String! url: URI! }
type Bot implements Node & Actor { id: ID! databaseId: Int login: String! url: URI! }
type User implements Node & Actor { id: ID! databaseId: Int login: String! url: URI! }
type Organization implements Node & Actor { id: ID! databaseId: Int login: String! url: URI! }
enum DiffSide { LEFT RIGHT }
enum PullRequestReviewThreadSubjectType { FILE LINE }
enum ReportedContentClassifiers { ABUSE DUPLICATE OFF_TOPIC OUTDATED RESOLVED SPAM }
enum PullRequestState { CLOSED MERGED OPEN }
type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }
type PullRequestReview implements Node { id: ID! databaseId: Int fullDatabaseId: BigInt body: String! author: Actor }
type PullRequestReviewComment implements Node {
  id: ID! databaseId: Int fullDatabaseId: BigInt body: String! author: Actor path: String! line: Int originalLine: Int
  startLine: Int originalStartLine: Int diffHunk: String! createdAt: DateTime! updatedAt: DateTime! url: URI!
  outdated: Boolean! isMinimized: Boolean! minimizedReason: String replyTo: PullRequestReviewComment
  pullRequestReview: PullRequestReview subjectType: PullRequestReviewThreadSubjectType!
}
type PullRequestReviewCommentConnection { nodes: [PullRequestReviewComment] pageInfo: PageInfo! totalCount: Int! }
type PullRequestReviewThread implements Node {
  comments(after: String, before: String, first: Int, last: Int, skip: Int): PullRequestReviewCommentConnection!
  diffSide: DiffSide! id: ID! isCollapsed: Boolean! isOutdated: Boolean! isResolved: Boolean! line: Int
  originalLine: Int originalStartLine: Int path: String! pullRequest: PullRequest! resolvedBy: User
  startDiffSide: DiffSide startLine: Int subjectType: PullRequestReviewThreadSubjectType!
  viewerCanReply: Boolean! viewerCanResolve: Boolean! viewerCanUnresolve: Boolean!
}
type PullRequestReviewThreadConnection { nodes: [PullRequestReviewThread] pageInfo: PageInfo! totalCount: Int! }
type PullRequest implements Node {
  id: ID! databaseId: Int fullDatabaseId: BigInt number: Int! title: String! body: String! isDraft: Boolean!
  state: PullRequestState! author: Actor headRefOid: GitObjectID! headRefName: String! baseRefName: String! url: URI!
  reviewThreads(after: String, before: String, first: Int, last: Int): PullRequestReviewThreadConnection!
}
type Repository implements Node {
  id: ID! databaseId: Int name: String! nameWithOwner: String! isPrivate: Boolean!
  pullRequest(number: Int!): PullRequest
}
type RateLimit { cost: Int! limit: Int! remaining: Int! }
type Query {
  node(id: ID!): Node
  rateLimit(dryRun: Boolean = false): RateLimit
  repository(followRenames: Boolean = true, name: String!, owner: String!): Repository
  viewer: User!
}
input ResolveReviewThreadInput { clientMutationId: String threadId: ID! }
type ResolveReviewThreadPayload { clientMutationId: String thread: PullRequestReviewThread }
input UnresolveReviewThreadInput { clientMutationId: String threadId: ID! }
type UnresolveReviewThreadPayload { clientMutationId: String thread: PullRequestReviewThread }
input MinimizeCommentInput { classifier: ReportedContentClassifiers! clientMutationId: String subjectId: ID! }
type MinimizeCommentPayload { clientMutationId: String }
type Mutation {
  minimizeComment(input: MinimizeCommentInput!): MinimizeCommentPayload
  resolveReviewThread(input: ResolveReviewThreadInput!): ResolveReviewThreadPayload
  unresolveReviewThread(input: UnresolveReviewThreadInput!): UnresolveReviewThreadPayload
}
"""
MOST = 100


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    return build_schema(SDL)


def _refused(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def graphql(ask: Ask) -> Answer:
    """Run one request; errors come with status 200, as on GitHub."""
    if ask.caller.token is None:
        raise Refused(401, "This endpoint requires you to be authenticated.")
    sent = ask.body
    if not isinstance(sent.get("query"), str):
        raise Refused(400, "A query attribute must be specified and must be a string.")
    root = _Root(ask)
    done = graphql_sync(
        schema(),
        sent["query"],
        root_value={**root.queries(), **root.mutations()},
        variable_values=sent.get("variables") or {},
        operation_name=sent.get("operationName"),
    )
    body: dict[str, Any] = {"data": done.data}
    if done.errors:
        body["errors"] = [_error(each) for each in done.errors]
        if done.data is None:
            del body["data"]
    return Answer(body=body)


def _error(error: GraphQLError) -> Shape:
    shown: Shape = {**error.formatted}
    kind = (shown.pop("extensions", None) or {}).get("type")
    return {"type": kind, **shown} if kind else shown


class _Root:
    """What the two root types offer, for one caller."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._world = ask.world

    def queries(self) -> Mapping[str, Callable[..., Any]]:
        return {"repository": self._repository, "node": self._node, "viewer": self._viewer, "rateLimit": self._rate}

    def mutations(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "resolveReviewThread": lambda _, input: self._settle(input["threadId"], is_resolved=True),  # noqa: A006
            "unresolveReviewThread": lambda _, input: self._settle(input["threadId"], is_resolved=False),  # noqa: A006
            "minimizeComment": lambda _, input: {"clientMutationId": input.get("clientMutationId")},  # noqa: A006
        }

    def _rate(self, _: Any, dryRun: bool = False) -> Shape:  # noqa: N803 - GitHub's name
        return {"cost": 1, "limit": 5000, "remaining": 4999}

    def _viewer(self, _: Any) -> Shape:
        return _actor(self._world, self._ask.caller.user)

    def _repository(self, _: Any, owner: str, name: str, followRenames: bool = True) -> Shape:  # noqa: N803
        repository = self._may(owner, name, "read")
        return {
            "id": f"R_{repository.id}",
            "databaseId": repository.id,
            "name": repository.name,
            "nameWithOwner": repository.path,
            "isPrivate": repository.is_private,
            "pullRequest": lambda _, number: self._pull(repository, number),
        }

    def _may(self, owner: str, name: str, level: str, permission: str = "pull_requests") -> Repository:
        followed = self._world.followed(owner, name)
        ask = Ask(
            world=self._world,
            method="POST",
            path="/graphql",
            query={},
            headers={},
            raw=b"",
            caller=self._ask.caller,
            names={"owner": owner, "repo": followed.name if followed is not None else name},
        )
        try:
            return ask.may(permission, level)
        except Refused as refused:
            if refused.status == 404:
                gone = f"Could not resolve to a Repository with the name '{owner}/{name}'."
                raise _refused("NOT_FOUND", gone) from None
            raise _refused("FORBIDDEN", refused.message) from None

    def _pull(self, repository: Repository, number: int) -> Shape:
        pull = self._world.pull(repository, number)
        if pull is None:
            gone = f"Could not resolve to a PullRequest with the number of {number}."
            raise _refused("NOT_FOUND", gone)
        return _pull(self._world, pull)

    def _thread_root(self, node: str, level: str) -> ReviewComment:
        for each in self._world.review_comments:
            if node == f"PRRT_{each.id}" and each.reply_to is None:
                place = each.pull.repository
                self._may(place.owner.login, place.name, level)
                return each
        raise _refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'")

    def _node(self, _: Any, id: str) -> Shape:  # noqa: A002 - GitHub's name
        if id.startswith("PRRT_"):
            return _thread(self._world, self._thread_root(id, "read"))
        for pull in self._world.pulls:
            if id == f"PR_{pull.id}":
                self._may(pull.repository.owner.login, pull.repository.name, "read")
                return _pull(self._world, pull)
        raise _refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")

    def _settle(self, node: str, *, is_resolved: bool) -> Shape:
        """Whoever began the pull request or may write can do it; an app with the permission."""
        root, user = self._thread_root(node, "read"), self._ask.caller.user
        place = root.pull.repository
        self._may(place.owner.login, place.name, "write", self._world.resolving_needs)
        role = self._world.role(place, user)
        is_trusted = self._ask.caller.installation is not None or user is root.pull.author
        if not is_trusted and role not in ("write", "maintain", "admin"):
            raise _refused("FORBIDDEN", f"{user.login} does not have permission to resolve this thread.")
        if is_resolved != (root.id in self._world.resolved):
            if is_resolved:
                self._world.resolved[root.id] = user
            else:
                del self._world.resolved[root.id]
            tell_thread(self._world, root, "resolved" if is_resolved else "unresolved", user)
        return {"thread": _thread(self._world, root)}


def _actor(world: World, user: User) -> Shape:
    return {
        "__typename": user.kind,
        "id": f"U_{user.id}",
        "databaseId": user.id,
        "login": user.login.removesuffix("[bot]"),  # here, unlike in REST, a bot's name is bare
        "url": f"{world.root}/{user.login}",
    }


def _pull(world: World, pull: Pull) -> Shape:
    roots = [each for each in world.review_comments if each.pull is pull and each.reply_to is None]
    shown = [each for each in roots if each.review.state != "PENDING"]
    return {
        "__typename": "PullRequest",
        "id": f"PR_{pull.id}",
        "databaseId": pull.id,
        "fullDatabaseId": str(pull.id),
        "number": pull.number,
        "title": pull.title,
        "body": pull.body or "",
        "isDraft": pull.is_draft,
        "state": "MERGED" if pull.merged else pull.state.upper(),
        "author": _actor(world, pull.author),
        "headRefOid": pull.head_sha,
        "headRefName": pull.head_ref,
        "baseRefName": pull.base_ref,
        "url": pull_html(world, pull),
        "reviewThreads": lambda _, **at: _connection("reviewThreads", [_thread(world, each) for each in shown], at),
    }


def _thread(world: World, root: ReviewComment) -> Shape:
    comments = [each for each in world.review_comments if each.root == root.id]
    now = world.stands_at(root)
    settled = world.resolved.get(root.id)
    is_on_file = root.line is None
    return {
        "__typename": "PullRequestReviewThread",
        "id": f"PRRT_{root.id}",
        "comments": lambda _, **at: _connection("comments", [_comment(world, each) for each in comments], at),
        "diffSide": root.side,
        "isCollapsed": settled is not None,
        "isOutdated": now is None and not is_on_file,
        "isResolved": settled is not None,
        "line": now[0] if now else None,
        "originalLine": root.line,
        "startLine": now[1] if now else None,
        "originalStartLine": root.start_line,
        "path": root.path,
        "pullRequest": lambda _: _pull(world, root.pull),
        "resolvedBy": _actor(world, settled) if settled and not settled.is_bot else None,
        "startDiffSide": root.start_side,
        "subjectType": root.subject.upper(),
        "viewerCanReply": True,
        "viewerCanResolve": settled is None,
        "viewerCanUnresolve": settled is not None,
    }


def _comment(world: World, comment: ReviewComment) -> Shape:
    now = world.stands_at(comment)
    parent = next((each for each in world.review_comments if each.id == comment.reply_to), None)
    return {
        **_said(world, comment),
        "__typename": "PullRequestReviewComment",
        "id": f"PRRC_{comment.id}",
        "path": comment.path,
        "line": now[0] if now else None,
        "originalLine": comment.line,
        "startLine": now[1] if now else None,
        "originalStartLine": comment.start_line,
        "diffHunk": comment.diff_hunk,
        "createdAt": comment.created,
        "updatedAt": comment.updated,
        "url": f"{pull_html(world, comment.pull)}#discussion_r{comment.id}",
        "outdated": now is None and comment.line is not None,
        "isMinimized": False,
        "minimizedReason": None,
        "replyTo": _comment(world, parent) if parent else None,
        "pullRequestReview": {**_said(world, comment.review), "id": f"PRR_{comment.review.id}"},
        "subjectType": comment.subject.upper(),
    }


def _said(world: World, what: ReviewComment | Review | IssueComment) -> Shape:
    return {
        "databaseId": what.id,
        "fullDatabaseId": str(what.id),
        "body": what.body,
        "author": _actor(world, what.user),
    }


def _connection(name: str, rows: Sequence[Shape], at: Mapping[str, Any]) -> Shape:
    """A page of rows; a cursor is the row's place."""
    first, last = at.get("first"), at.get("last")
    if first is None and last is None:
        raise _refused(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
        )
    size = first or last or 0
    if size > MOST:
        many = f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of {MOST} records."
        raise _refused("EXCESSIVE_PAGINATION", many)
    low = int(at["after"]) if at.get("after") else 0
    high = int(at["before"]) - 1 if at.get("before") else len(rows)
    chosen = range(low, min(low + first, high)) if first is not None else range(max(low, high - size), high)
    return {
        "nodes": [rows[index] for index in chosen],
        "totalCount": len(rows),
        "pageInfo": {
            "startCursor": str(chosen.start + 1) if chosen else None,
            "endCursor": str(chosen.stop) if chosen else None,
            "hasNextPage": bool(chosen) and chosen.stop < high,
            "hasPreviousPage": bool(chosen) and chosen.start > low,
        },
    }


ROUTES: list[tuple[str, str, Endpoint]] = [("POST", "/graphql", graphql)]
