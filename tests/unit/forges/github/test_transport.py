import asyncio
import time
import tracemalloc
import zlib
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.forges.github.scripted import QUICK, TOKEN, Asked, Says, Script, Talk, serving, talk

from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, ForgeError, ForgeNotFound, ForgeRateLimited, ForgeRejected, ForgeUnavailable
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Token, Transport, open_session

GONE_BAD = Says(status=502, body={"message": "Server Error"})


def test_request_says_who_asks_and_by_which_version() -> None:
    answer, github = talk({"GET /app": Says(body={"slug": "x"})}, lambda to: to.transport.read("app", page=2))

    assert answer == {"slug": "x"}
    (asked,) = github.asked
    assert asked.path == "/app?page=2"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["user-agent"] == "Mesrai/1.2.3 (+https://mesrai.com)"
    assert asked.headers["x-github-api-version"] == "2022-11-28"
    assert asked.headers["accept"] == "application/vnd.github+json"


def test_pages_are_followed_and_joined() -> None:
    script: Script = {
        "GET /list": [
            Says(body=[1], headers={"Link": '<{url}/list?page=2>; rel="next", <{url}/list?page=3>; rel="last"'}),
            Says(body=[2], headers={"Link": '<{url}/list?page=1>; rel="prev", </list?page=3>; rel="next"'}),
            Says(body=[3], headers={"Link": '<{url}/list?page=1>; rel="first"'}),
        ]
    }
    found, github = talk(script, lambda to: to.transport.pages("list"))

    assert found == [1, 2, 3]
    assert github.lines == ["GET /list?per_page=100", "GET /list?page=2", "GET /list?page=3"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:1/list",
        "http://localhost/list",
        "//evil.example/list",
        "https://evil.example/",
        "http://[::1/",
        "http://x:99999/",
    ],
)
def test_next_page_elsewhere_never_gets_our_token(elsewhere: str) -> None:
    script = {"GET /list": Says(body=[1], headers={"Link": f'<{elsewhere}>; rel="next"'})}

    with pytest.raises(ForgeRejected, match="another host"):
        talk(script, lambda to: to.transport.pages("list"))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_to_another_server_is_not_followed(status: int) -> None:
    async def both() -> list[Asked]:
        async with serving({}) as thief:
            script = {"GET /repos/a/b": Says(status=status, headers={"Location": f"{thief.url}/repos/a/b"})}
            async with serving(script) as github, open_session(place_at(github.url), version="1") as session:
                with pytest.raises(ForgeRejected, match="another host"):
                    await Transport(session, Token(Secret(TOKEN))).read("repos/a/b")
            return thief.asked

    assert asyncio.run(both()) == []


def test_renamed_repository_is_read_and_written_where_it_is_now() -> None:
    script = {
        "GET /repos/a/b": Says(status=301, headers={"Location": "{url}/repositories/1"}),
        "GET /repositories/1": Says(body={"id": 1}),
        "POST /repos/a/b": Says(status=307, headers={"Location": "/repositories/1"}),
        "POST /repositories/1": Says(status=201, body={"id": 2}),
    }

    async def both(to: Talk) -> tuple[Any, Any]:
        return await to.transport.read("repos/a/b"), await to.transport.write("POST", "repos/a/b", {"x": 1})

    answers, github = talk(script, both)

    assert answers == ({"id": 1}, {"id": 2})
    assert github.asked[-1].body == {"x": 1}


def test_circle_of_redirects_ends() -> None:
    with pytest.raises(ForgeRejected, match="circles"):
        talk({"GET /a": Says(status=302, headers={"Location": "/a"})}, lambda to: to.transport.read("a"))


def test_read_is_repeated_until_github_has_recovered() -> None:
    answer, github = talk({"GET /a": [GONE_BAD, GONE_BAD, Says(body={})]}, lambda to: to.transport.read("a"))

    assert answer == {}
    assert len(github.asked) == 3


def test_read_that_never_succeeds_is_unavailable_after_four_tries() -> None:
    async def ask(to: Talk) -> int:
        with pytest.raises(ForgeUnavailable, match="HTTP 502"):
            await to.transport.read("a")
        return len(to.github.asked)

    assert talk({"GET /a": GONE_BAD}, ask)[0] == 4


@pytest.mark.parametrize("says", [GONE_BAD, Says(body=b"<html>"), Says(after_s=5.0)])
def test_write_is_sent_once_whatever_becomes_of_it(says: Says) -> None:
    async def ask(to: Talk) -> int:
        with pytest.raises(ForgeUnavailable):
            await to.transport.write("POST", "a", {})
        return len(to.github.asked)

    assert talk({"POST /a": says}, ask, timing=replace(QUICK, write_s=0.1))[0] == 1


def test_mutation_is_sent_once_and_query_is_repeated() -> None:
    async def ask(to: Talk) -> tuple[int, int]:
        with pytest.raises(ForgeUnavailable):
            await to.transport.mutate("mutation { x }")
        mutations = len(to.github.asked)
        with pytest.raises(ForgeUnavailable):
            await to.transport.query("query { x }")
        return mutations, len(to.github.asked) - mutations

    assert talk({"POST /graphql": GONE_BAD}, ask)[0] == (1, 4)


def test_writes_wait_for_each_other_and_keep_a_gap() -> None:
    times: list[float] = []

    def now(_: Asked) -> Says:
        times.append(time.monotonic())
        return Says(body={})

    async def ask(to: Talk) -> None:
        await asyncio.gather(*(to.transport.write("POST", "a", {}) for _ in range(3)), to.transport.read("b"))

    talk({"POST /a": now, "GET /b": Says(body={})}, ask, timing=replace(QUICK, write_gap_s=0.05))

    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.05


def test_after_a_limit_nothing_is_asked_until_it_is_over() -> None:
    script: Script = {"GET /a": Says(status=429, headers={"Retry-After": "30"}), "GET /b": Says(body={})}

    async def ask(to: Talk) -> float:
        with pytest.raises(ForgeRateLimited) as limited:
            await to.transport.read("a")
        assert limited.value.retry_after_s == 30
        with pytest.raises(ForgeRateLimited) as limited:
            await to.transport.read("b")
        await Transport(to.session, Token(Secret("somebody-else"))).read("b")
        return limited.value.retry_after_s

    left_s, github = talk(script, ask)

    assert 29 < left_s <= 30
    assert github.lines == ["GET /a", "GET /b"]


def test_last_request_of_the_hour_is_still_answered_and_the_next_is_not_sent() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 600)}

    async def ask(to: Talk) -> None:
        assert await to.transport.read("a") == {}
        with pytest.raises(ForgeRateLimited):
            await to.transport.read("a")

    assert len(talk({"GET /a": Says(body={}, headers=headers)}, ask)[1].asked) == 1


@pytest.mark.parametrize("token", [TOKEN, "plain-words"])
def test_secret_in_a_refusal_is_not_repeated(token: str) -> None:
    async def ask(to: Talk) -> str:
        with pytest.raises(ForgeRejected) as rejected:
            await Transport(to.session, Token(Secret(token))).write("POST", "a", {})
        return rejected.value.message

    message, _ = talk({"POST /a": Says(status=422, body={"message": f"bad {token} seen"})}, ask)

    assert message == "GitHub refused (HTTP 422). GitHub says: bad [redacted] seen"


def test_endless_answer_is_cut_off() -> None:
    with pytest.raises(ForgeRejected, match="larger than 16 MiB"):
        talk({"GET /a": Says(body=b" " * (16 * 2**20 + 1))}, lambda to: to.transport.read("a"))


def test_slow_answer_is_unavailable() -> None:
    with pytest.raises(ForgeUnavailable, match="did not answer"):
        talk({"GET /a": Says(after_s=5)}, lambda to: to.transport.read("a"), timing=replace(QUICK, read_s=0.02))


def test_nobody_listening_is_unavailable() -> None:
    async def ask() -> None:
        async with open_session(place_at("http://127.0.0.1:1"), version="1", timing=QUICK) as session:
            await Transport(session, Token(Secret("x"))).read("a")

    with pytest.raises(ForgeUnavailable):
        asyncio.run(ask())


@pytest.mark.parametrize("token", ["", "abc\r\nX-Evil: 1", "Evil é"])
def test_token_that_is_no_header_is_refused_without_being_shown(token: str) -> None:
    async def ask() -> None:
        async with open_session(place_at("http://127.0.0.1:1"), version="1", timing=QUICK) as session:
            await Transport(session, Token(Secret(token))).read("a")

    with pytest.raises(ForgeAuth) as refused:
        asyncio.run(ask())
    assert "Evil" not in str(refused.value)


def test_empty_answer_is_none() -> None:
    assert talk({"DELETE /a": Says(status=204)}, lambda to: to.transport.write("DELETE", "a"))[0] is None


@pytest.mark.parametrize("body", [[], {}, {"data": None}, {"data": []}, 3])
def test_graphql_without_data_is_unavailable(body: Any) -> None:
    with pytest.raises(ForgeUnavailable):
        talk({"POST /graphql": Says(body=body)}, lambda to: to.transport.mutate("mutation { x }"))


def test_graphql_errors_count_even_beside_data() -> None:
    body = {"data": {"x": 1}, "errors": [{"type": "NOT_FOUND", "message": "no"}]}

    with pytest.raises(ForgeNotFound):
        talk({"POST /graphql": Says(body=body)}, lambda to: to.transport.query("query { x }"))


@settings(max_examples=40, deadline=None)
@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'"x"', b"[1,", b'{"errors": 3}']),
    headers=st.fixed_dictionaries(
        {},
        optional={
            "Link": st.sampled_from(['<>; rel="next"', "<x", ";;;", '<http://[>; rel="next"', "<a>;rel=next," * 20]),
            "Location": st.sampled_from(["", "/", "http://[", "//", "\\evil", "/list"]),
            "Retry-After": st.sampled_from(["", "0", "-1", "x", "9" * 40]),
            "Content-Encoding": st.sampled_from(["gzip", "deflate", "identity", "x"]),
        },
    ),
)
def test_whatever_github_answers_only_our_errors_are_raised(status: int, body: bytes, headers: dict[str, str]) -> None:
    says = Says(status=status, body=body, headers=headers)

    async def ask(to: Talk) -> list[Exception]:
        calls = [
            to.transport.pages("list"), to.transport.write("POST", "list", {}), to.transport.query("{x}"),
            to.shop.pull_request(1), to.shop.me(), to.shop.threads(1),
        ]  # fmt: skip
        found = await asyncio.gather(*calls, return_exceptions=True)
        return [each for each in found if isinstance(each, Exception) and not isinstance(each, ForgeError)]

    script = dict.fromkeys(
        ("GET /list", "POST /list", "POST /graphql", "GET /repos/acme/shop/pulls/1", "GET /user"), says
    )
    strange, _ = talk(script, ask, timing=replace(QUICK, backoff_s=0.0, read_s=0.3, write_s=0.3))

    assert strange == []


LINKS = st.lists(
    st.sampled_from(
        ["<", ">", "; rel=", '"next"', "next", ",", "{url}", "/list?page=2", "http:", "//evil.example",
         "@evil.example/",
         ":1", "\\\\evil.example", "https://127.0.0.1", "?", "#", "..", "%2f", " ", "javascript:x", "list"]
    ),
    max_size=9,
).map("".join)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(link=LINKS | LINKS.map(lambda target: f'<{target}>; rel="next"'))
def test_whatever_a_link_says_only_this_host_is_asked(link: str) -> None:
    async def both() -> tuple[list[Asked], list[Asked]]:
        async with serving({}) as thief:
            said = Says(body=[1], headers={"Link": link.replace("evil.example", thief.url.partition("//")[2])})
            last = Says(body=[])
            async with (
                serving({"GET /list": [said, last]}) as github,
                open_session(place_at(github.url), version="1", timing=replace(QUICK, backoff_s=0.0)) as session,
            ):
                with suppress(ForgeError):
                    await Transport(session, Token(Secret(TOKEN))).pages("list")
            return github.asked, thief.asked

    asked, stolen = asyncio.run(both())
    assert asked
    assert stolen == []


def test_a_body_that_unpacks_to_gigabytes_is_cut_off() -> None:
    pack = zlib.compressobj(wbits=31)
    bomb = b"".join([*(pack.compress(bytes(1 << 20)) for _ in range(200)), pack.flush()])
    assert len(bomb) < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(ForgeRejected, match="larger than 16 MiB"):
            talk(
                {"GET /a": Says(body=bomb, headers={"Content-Encoding": "gzip"})},
                lambda to: to.transport.read("a"),
            )
        assert tracemalloc.get_traced_memory()[1] < 120_000_000
    finally:
        tracemalloc.stop()
