"""Threads on lines, read and resolved by GraphQL, since REST does not tell which are resolved."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mesrai.domain.pull_request import Comment, Person, RepositoryName
from mesrai.errors import ForgeNotFound, ForgeRejected
from mesrai.forges.forge import Thread
from mesrai.forges.github.payloads import (
    Misshapen,
    a_list,
    a_login,
    a_mapping,
    an_id,
    an_object,
    as_documented,
    optional_id,
    optional_object,
    text,
)
from mesrai.forges.github.transport import Transport
from mesrai.forges.github.wire import person_from

_MOST_PAGES: Final = 100

_COMMENTS: Final = """
  pageInfo { hasNextPage endCursor }
  nodes {
    fullDatabaseId
    body
    author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
  }
"""
_THREADS: Final = f"""
query ($owner: String!, $name: String!, $number: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequest(number: $number) {{
      reviewThreads(first: 50, after: $after) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{
          id isResolved isOutdated path line startLine diffSide
          resolvedBy {{ __typename login databaseId }}
          comments(first: 100) {{ {_COMMENTS} }}
        }}
      }}
    }}
  }}
}}
"""
_REPLIES: Final = f"""
query ($id: ID!, $after: String) {{
  node(id: $id) {{ ... on PullRequestReviewThread {{ comments(first: 100, after: $after) {{ {_COMMENTS} }} }} }}
}}
"""
_RESOLVE: Final = """
mutation ($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }
"""


async def fetch_threads(transport: Transport, repository: RepositoryName, number: int) -> Sequence[Thread]:
    """All threads of a pull request with all their comments. A thread on the old side has no line."""
    threads: list[Thread] = []
    after: str | None = None
    for _ in range(_MOST_PAGES):
        data = await transport.query(_THREADS, owner=repository.owner, name=repository.name, number=number, after=after)
        found = optional_object(optional_object(data, "repository"), "pullRequest")
        if found is None:
            raise ForgeNotFound(f"GitHub shows us no pull request {number} in {repository}.")
        with as_documented():
            page = an_object(found, "reviewThreads")
            after = _next(page)
        for node in _nodes(page):
            threads.append(await _thread(transport, node))
        if after is None:
            return threads
    raise ForgeRejected("The pull request has more threads than Mesrai reads.")


async def resolve_thread(transport: Transport, thread: str) -> None:
    """Mark a thread as settled."""
    data = await transport.mutate(_RESOLVE, id=thread)
    settled = optional_object(optional_object(data, "resolveReviewThread"), "thread")
    if settled is None or settled.get("isResolved") is not True:
        raise ForgeRejected("GitHub did not resolve the thread.")


async def _thread(transport: Transport, node: Mapping[str, Any]) -> Thread:
    with as_documented():
        thread = text(node, "id")
        if not thread:
            raise Misshapen("`id` is missing")
        page = an_object(node, "comments")
        nodes, after = list(_nodes(page)), _next(page)
    for _ in range(_MOST_PAGES):
        if after is None:
            return _thread_from(node, nodes)
        data = await transport.query(_REPLIES, id=thread, after=after)
        with as_documented():
            page = an_object(an_object(data, "node"), "comments")
            nodes += _nodes(page)
            after = _next(page)
    raise ForgeRejected("A thread has more comments than Mesrai reads.")


def _thread_from(node: Mapping[str, Any], comments: Sequence[Mapping[str, Any]]) -> Thread:
    with as_documented():
        resolver = optional_object(node, "resolvedBy")
        first = an_id(comments[0], "fullDatabaseId") if comments else 0
        return Thread(
            id=text(node, "id"),
            comments=tuple(_comment_from(comment, first) for comment in comments),
            path=text(node, "path"),
            line=optional_id(node, "line") if node.get("diffSide") != "LEFT" else None,
            first_line=optional_id(node, "startLine") if node.get("diffSide") != "LEFT" else None,
            is_resolved=node.get("isResolved") is True,
            is_outdated=node.get("isOutdated") is True,
            resolved_by=_author_from(resolver) if resolver is not None else None,
        )


def _comment_from(node: Mapping[str, Any], thread: int) -> Comment:
    author = _author_from(optional_object(node, "author"))
    return Comment(id=an_id(node, "fullDatabaseId"), author=author, body=text(node, "body"), thread=thread)


def _author_from(author: Mapping[str, Any] | None) -> Person:
    """An account. GraphQL leaves `[bot]` off the name that REST and webhooks give a bot."""
    if author is None:
        return person_from(None)
    login = a_login(author)
    is_bot = author.get("__typename") == "Bot"
    if is_bot and not login.endswith("[bot]"):
        login += "[bot]"
    return Person(id=optional_id(author, "databaseId") or 0, login=login, is_bot=is_bot)


def _nodes(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    with as_documented():
        for node in a_list(page, "nodes"):
            yield a_mapping(node)


def _next(page: Mapping[str, Any]) -> str | None:
    """Where the next page begins, or None after the last one. Errors: Misshapen."""
    about = an_object(page, "pageInfo")
    if about.get("hasNextPage") is not True:
        return None
    after = text(about, "endCursor")
    if not after:
        raise Misshapen("`endCursor` is missing")
    return after
