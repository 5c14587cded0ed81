"""In the service a model is asked at public addresses, and at those inside that the operator named."""

import asyncio
from unittest import mock

import pytest
from tests.endpoints import answering

from mesrai.errors import ModelError, ModelNotAdmitted
from mesrai.llm.reach import Reach, is_inside, place_of
from mesrai.llm.transport import Request, open_session

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def asked(url: str, reach: Reach | None) -> str:
    """What comes from a server on this machine; `url` has PORT in it."""
    seen: list[bytes] = []

    async def run() -> str:
        async with answering(OK, seen=seen) as base, open_session("1", reach=reach) as session:
            port = base.split("/v1")[0].rpartition(":")[2]
            async with session.send(Request(url=url.replace("PORT", port), headers={"x-key": "sk-1"})) as reply:
                return (await reply.body(10)).decode()

    try:
        return asyncio.run(run())
    except ModelNotAdmitted as refused:
        assert seen == [], "nothing was sent"
        return refused.message


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:PORT/v1", "http://localhost:PORT/v1", "http://[::ffff:127.0.0.1]:PORT/v1"]
)
def test_the_service_asks_no_model_on_its_own_machine_unless_told(url: str) -> None:
    told = asked(url, Reach())
    assert "lies inside the network" in told
    assert "MESRAI_ALLOWED_HOSTS" in told


@pytest.mark.parametrize("allowed", ["127.0.0.1", "localhost"])
def test_a_host_that_is_named_is_asked_under_that_name_only(allowed: str) -> None:
    reach = Reach(allowed=frozenset({allowed}))
    for host in ("127.0.0.1", "localhost"):
        assert (asked(f"http://{host}:PORT/v1", reach) == "ok") == (host == allowed)


def test_a_port_that_is_named_opens_no_other() -> None:
    assert "lies inside" in asked("http://127.0.0.1:PORT/v1", Reach(allowed=frozenset({"127.0.0.1:1"})))


def test_the_terminal_asks_where_it_is_told_to() -> None:
    assert asked("http://127.0.0.1:PORT/v1", None) == "ok"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://168.63.129.16/",
        "http://10.0.0.1/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1%25eth0]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://localhost./",
        "http://user@127.0.0.1/",
    ],
)
def test_no_spelling_of_an_inner_address_is_asked(url: str) -> None:
    async def run() -> None:
        async with open_session("1", reach=Reach()) as session, session.send(Request(url=url, headers={})):
            pass

    with pytest.raises(ModelError, match=r"lies inside|not a usable address|cannot be resolved"):
        asyncio.run(run())


def through_a_proxy(url: str, reach: Reach) -> str:
    """What is got for a URL by a proxy on this machine; `url` may have PROXY in it."""

    async def run() -> str:
        async with answering(OK) as base:
            place = base.removeprefix("http://").split("/")[0]
            with mock.patch.dict("os.environ", {"http_proxy": f"http://{place}", "no_proxy": ""}):
                request = Request(url=url.replace("PROXY", place.replace("127.0.0.1", "localhost")), headers={})
                async with open_session("1", reach=reach) as session, session.send(request) as reply:
                    return (await reply.body(10)).decode()

    try:
        return asyncio.run(run())
    except ModelNotAdmitted as refused:
        return refused.message


def test_the_operators_proxy_may_stand_inside_but_leads_nowhere_inside() -> None:
    assert through_a_proxy("http://model.invalid/v1", Reach()) == "ok"  # only the proxy knows this name
    assert "lies inside" in through_a_proxy("http://10.0.0.1/v1", Reach())
    assert "lies inside" in through_a_proxy("http://PROXY/v1", Reach())
    assert through_a_proxy("http://10.0.0.1/v1", Reach(allowed=frozenset({"10.0.0.1:80"}))) == "ok"


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "api.moonshot.ai", ""])
def test_what_is_public_or_a_name_is_not_inside(host: str) -> None:
    assert not is_inside(host)


def test_places_are_written_as_the_operator_writes_them() -> None:
    assert place_of("https://API.example.com./v1") == "api.example.com:443"
    assert place_of("http://[FD00::1]:8000/v1") == "[fd00::1]:8000"
    assert Reach(allowed=frozenset({"[fd00::1]:8000"})).allows("fd00::1", 8000)
