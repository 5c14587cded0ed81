"""The pages as whoever wants to harm their users sees them: sessions, forms, addresses, stored text, and load."""

import asyncio
import http.client
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.web.addresses import ADDRESSES, OTHERS, at
from tests.web.kept_reviews import FULL, put_review
from tests.web.markup import active_content, read_markup
from tests.web.seeded import LIVE, OLD, RESULT, RULE, SHOP, WEB, Seeded, a_seeded_site
from tests.web.stand import PASSWORD, Answer, Person, Stand, a_site

from mesrai.domain.memory import Memory
from mesrai.domain.review import Outcome
from mesrai.domain.roles import Role
from mesrai.domain.saved_policy import Place
from mesrai.domain.secret import Secret
from mesrai.errors import SignInRefused
from mesrai.flows import sign_in
from mesrai.server.web.house import House
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import fault
from mesrai.store.audit import add_entry, entries
from mesrai.store.calls import Ended, begin_call, end_call
from mesrai.store.configurations import change_configuration
from mesrai.store.memories import add_memory
from mesrai.store.passwords import Passwords
from mesrai.store.review_events import Happened, add_events
from mesrai.store.reviews import set_outcome

CANARY = "\"'></title></textarea><script>alert(1)</script><img src=x onerror=alert(1)>"
LINK = "javascript:alert(1)"
EVIL = "https://evil.example"
POSTS = [page for page in PAGES if "POST" in page.methods]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    with a_seeded_site(tmp_path_factory.mktemp("attacked")) as made:
        yield made


def address_of(path: str) -> str:
    return path.replace("{review}", RESULT).replace("{job}", "1").replace("{account}", "1").replace("{webhook}", "1")


def raw(person: Person, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """A request as it is, with nothing added but the person's cookies."""
    place = urlsplit(person.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
    connection.putrequest(method, path, skip_host="host" in headers)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    told = {"cookie": cookies, "content-length": str(len(body)), **headers}
    for name, value in told.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    answer = {name.lower(): value for name, value in response.getheaders()}
    connection.close()
    return Answer(status=response.status, headers=answer, text=text)


def form(person: Person, path: str, fields: dict[str, str], **headers: str) -> Answer:
    told = {"content_type": "application/x-www-form-urlencoded", "origin": person.url, **headers}
    return raw(
        person, "POST", path, urlencode(fields).encode(), **{name: value for name, value in told.items() if value}
    )


# Sessions and cookies


def an_account(stand: Stand, email: str = "ada@example.com") -> None:
    """A member with a password."""
    code = stand.run(sign_in.make_setup_code(stand.house.doors))
    assert code is not None
    fields = {"code": code.open(), "email": email, "name": "Ada", "password": PASSWORD}
    assert stand.visitor().post("/welcome", fields, seen="/welcome").status == 303


def test_a_session_that_somebody_else_chose_is_not_taken_over(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        an_account(stand)
        chosen = Person(stand.url, {"mesrai_session": "chosen-by-somebody-else"})
        fields = {"email": "ada@example.com", "password": PASSWORD}
        assert form(chosen, "/sign-in", fields).status == 303
        signed_in = Person(stand.url, dict(chosen.cookies))
        signed_in.post("/sign-in", fields, seen="/sign-in")
        assert signed_in.cookies["mesrai_session"] != "chosen-by-somebody-else"
        assert signed_in.get("/account").status == 200
        assert chosen.get("/account").status == 303


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_session_cookie_is_for_this_host_and_no_script(tmp_path: Path, scheme: str) -> None:
    env = {"MESRAI_PUBLIC_URL": f"{scheme}://mesrai.example"}
    with a_site(tmp_path, env=env) as stand:
        code = stand.run(sign_in.make_setup_code(stand.house.doors))
        assert code is not None
        fields = {"code": code.open(), "email": "ada@example.com", "name": "Ada", "password": PASSWORD}
        answer = form(stand.visitor(), "/welcome", fields, origin=f"{scheme}://mesrai.example")
        cookie = answer.headers["set-cookie"].lower()
        assert answer.status == 303
        assert {"httponly", "samesite=lax", "path=/"} <= {each.strip() for each in cookie.split(";")}
        assert "domain" not in cookie
        assert ("secure" in cookie, cookie.startswith("__host-mesrai=")) == (scheme == "https", scheme == "https")
        assert ("strict-transport-security" in answer.headers) is (scheme == "https")


def test_where_people_come_over_https_a_page_without_it_is_another_site(tmp_path: Path) -> None:
    with a_site(tmp_path, env={"MESRAI_PUBLIC_URL": "https://mesrai.example"}) as stand:
        fields = {"email": "ada@example.com", "password": "x" * 12}
        statuses = {
            origin: form(stand.visitor(), "/sign-in", fields, origin=origin).text.count("was sent from another site")
            for origin in ("https://mesrai.example", "http://mesrai.example", "https://evil.example", "null")
        }
        assert statuses == {
            "https://mesrai.example": 0,
            "http://mesrai.example": 1,
            "https://evil.example": 1,
            "null": 1,
        }


# Forms that other sites send


@pytest.mark.parametrize("page", POSTS, ids=lambda page: page.path)
def test_no_form_is_done_that_another_site_or_session_made(seeded: Seeded, page: Any) -> None:
    owner, other = seeded.owner, seeded.stand.member(Role.OWNER)
    address, csrf = address_of(page.path), owner.get("/account").csrf
    before = seeded.stand.run(entries(seeded.stand.house.database, "default", most=1))[0].id
    stolen = other.get("/account").csrf
    answers = [
        form(owner, address, {}),
        form(owner, address, {"csrf": "0.0"}),
        form(owner, address, {"csrf": stolen}),
        form(owner, address, {"csrf": csrf}, origin=EVIL),
        form(owner, address, {"csrf": csrf}, origin="null"),
        form(owner, address, {"csrf": csrf}, origin="", sec_fetch_site="cross-site"),
        form(owner, address, {"csrf": csrf}, origin="", sec_fetch_site="same-site"),
        form(owner, address, {"csrf": csrf}, origin=""),
        form(owner, f"{address}?csrf={quote(csrf)}", {}),
    ]
    assert [answer.status for answer in answers] == [403] * len(answers)
    is_read_too = any("GET" in each.methods for each in PAGES if each.path == page.path)
    if not is_read_too:
        assert raw(owner, "GET", f"{address}?csrf={quote(csrf)}").status in (404, 405)
    assert seeded.stand.run(entries(seeded.stand.house.database, "default", most=1))[0].id == before
    assert owner.get("/account").status == 200, "still signed in"


def test_a_form_of_another_kind_than_forms_is_not_read(seeded: Seeded) -> None:
    csrf = seeded.owner.get("/account").csrf
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=a", ""):
        headers = {"origin": seeded.url, **({"content_type": kind} if kind else {})}
        answer = raw(
            seeded.owner, "POST", "/account/name", urlencode({"csrf": csrf, "name": "Eve"}).encode(), **headers
        )
        assert (kind, answer.status) == (kind, 400)


# Addresses


def test_no_answer_leads_to_another_host(seeded: Seeded) -> None:
    visitor, owner = seeded.stand.visitor(), seeded.owner
    asked = [at(seeded, each) for each in (*ADDRESSES, *OTHERS.values())]
    asked += ["/queue/", "//evil.example/", "//evil.example/queue", "/\\evil.example", "/start/..//evil.example"]
    asked += [f"/sign-in?to={quote(to)}" for to in (EVIL, "//evil.example", "/\\evil.example", "/%0d%0aset-cookie:a=b")]
    for person in (visitor, owner):
        for address in asked:
            answer = raw(person, "GET", address, host="evil.example")
            place = answer.headers.get("location", "/")
            assert place.startswith("/"), address
            assert not place.startswith(("//", "/\\")), address
            if "to=" not in place:
                assert "evil.example" not in place, address


def test_every_answer_may_be_framed_and_kept_by_nobody(seeded: Seeded) -> None:
    csrf = {"csrf": seeded.owner.get("/account").csrf}
    answers = [
        seeded.owner.get("/account"),
        seeded.owner.get("/nowhere"),
        seeded.owner.get("/people/1/role"),
        seeded.owner.get("/"),
        seeded.owner.get("/usage.csv"),
        seeded.stand.visitor().get("/account"),
        form(seeded.owner, "/account/name", {}),
        form(seeded.owner, "/account/tokens", {**csrf, "token_name": "a", "right": "see_usage", "days": "7"}),
        form(seeded.owner, "/people/invite", {**csrf, "email": "x@example.com", "role": "member"}),
    ]
    assert [answer.status for answer in answers] == [200, 404, 405, 303, 200, 303, 403, 200, 200]
    assert "mesrai_" in answers[-2].text
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_fault_in_the_program_is_answered_as_safely_and_says_nothing() -> None:
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    answer = asyncio.run(fault(request, RuntimeError("a secret")))
    assert isinstance(answer, Response)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert b"a secret" not in answer.body


def test_files_of_the_program_cannot_be_fetched(seeded: Seeded) -> None:
    for path in (
        "/static/../house.py",
        "/static/..%2fhouse.py",
        "/static/%2e%2e/house.py",
        "/static/..%5chouse.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/",
        "/static/mesrai.css%00.py",
        "/static/../templates/frame.html",
    ):
        answer = raw(seeded.owner, "GET", path)
        assert (path, answer.status) == (path, 404)


def test_other_methods_do_nothing(seeded: Seeded) -> None:
    for method, status in (("OPTIONS", 405), ("TRACE", 405), ("PUT", 405), ("DELETE", 405), ("HEAD", 200)):
        answer = raw(seeded.owner, method, "/account")
        assert (method, answer.status, answer.text if method == "HEAD" else "") == (method, status, "")
        assert "access-control-allow-origin" not in answer.headers


# Text that others wrote


def poison(seeded: Seeded) -> None:
    """Put the canary wherever a text of others is kept."""
    stand, database, us = seeded.stand, seeded.stand.house.database, seeded.stand.house.organisation
    finding = replace(FULL.findings[0], title=CANARY, body=f"{CANARY}\n\n[here]({LINK})\n\n```\n{CANARY}\n```")
    finding = replace(finding, path=f"src/{CANARY}.py", evidence=CANARY, source=CANARY)
    review = replace(
        FULL,
        summary=f"{CANARY} [x]({LINK})",
        findings=(finding, *FULL.findings[1:]),
        unanchored=(replace(FULL.unanchored[0], path=CANARY, body=CANARY, title=CANARY),),
        dropped=(replace(FULL.dropped[0], title=CANARY, reason=CANARY, path=CANARY),),
        coverage=(replace(FULL.coverage[0], path=CANARY, reason=CANARY), *FULL.coverage[1:]),
        outcome=Outcome.PARTIAL,
    )
    put_review(stand, review, name=RESULT, title=CANARY, author=CANARY, subject=f"{SHOP}#7")
    stand.run(set_outcome(database, "job-5", "failed", reason=CANARY))
    found = {"severity": CANARY, "title": CANARY, "path": CANARY, "line": 1}
    batch = {"paths": [CANARY], "failure": CANARY, "confirmed": 1, "refuted": 0, "found": [found]}
    told: list[tuple[str, Any]] = [("step", {"text": CANARY}), ("BatchEnded", batch), ("Notice", {"text": CANARY})]
    stand.run(add_events(database, LIVE, [Happened(at=time.time(), kind=kind, told=each) for kind, each in told]))
    words = json.dumps({"system": CANARY, "turns": [{"role": "user", "text": CANARY}], "tools": [CANARY], "shape": ""})
    number = stand.run(begin_call(database, RESULT, purpose=CANARY, asked=(CANARY, CANARY), prompt=words))
    answer = json.dumps({"role": "model", "text": CANARY, "calls": []})
    ended = Ended(took_s=1.0, provider=CANARY, model=CANARY, error=CANARY, answer=answer)
    stand.run(end_call(database, number, ended))
    object.__setattr__(seeded, "call", number)
    stand.run(
        add_memory(database, Memory(id=0, text=CANARY, repository=SHOP, author=CANARY, origin=LINK), organisation=us)
    )
    rule = json.dumps({"title": CANARY, "rule": CANARY, "path": [CANARY], "severity": "high"})
    text = f"language: {json.dumps(CANARY)}\nrules:\n- {rule}\n"
    stand.run(change_configuration(database, us, Place(repository=SHOP), lambda _: text, who=CANARY))
    stand.run(database.rows("UPDATE people SET name = :name", name=CANARY))
    stand.run(database.rows("UPDATE jobs SET reason = :told WHERE reason <> ''", told=CANARY))
    stand.run(database.rows("UPDATE sessions SET client = :told", told=CANARY))
    stand.run(database.rows("UPDATE tokens SET name = :told", told=CANARY))
    stand.run(database.rows("UPDATE trials SET told = :told, facts = :facts", told=CANARY, facts=json.dumps([CANARY])))
    stand.run(database.rows("UPDATE spending SET model = :told", told=CANARY))
    stand.run(database.rows("UPDATE spent SET model = :told", told=CANARY))
    stand.run(add_entry(database, organisation=us, who=CANARY, what=CANARY, subject=CANARY, details={CANARY: CANARY}))


def test_no_text_of_others_becomes_part_of_a_page(tmp_path: Path) -> None:
    with a_seeded_site(tmp_path) as seeded:
        poison(seeded)
        shown, streamed = 0, seeded.owner.get(f"/reviews/{RESULT}/live").text
        pieces = [json.loads(line[6:])["html"] for line in streamed.splitlines() if line.startswith('data: {"into"')]
        asked = [at(seeded, each) for each in ADDRESSES]
        asked += [f"/reviews?{field}={quote(CANARY)}" for field in ("title", "author", "repository", "since", "after")]
        asked += [f"/usage?since={quote(CANARY)}", f"/rules/edit?title={quote(CANARY)}&repository={SHOP}"]
        asked += [f"/sign-in?to={quote(CANARY)}", f"/{quote(CANARY)}", f"/reviews/{quote(CANARY)}"]
        asked += [f"/organization/byok?slot={quote(CANARY)}&card={quote(CANARY)}", f"/audit?before={quote(CANARY)}"]
        answers = [seeded.owner.get(address) for address in asked] + [seeded.stand.visitor().get(asked[-5])]
        csrf = {"csrf": seeded.owner.get("/account").csrf, "repository": SHOP}
        answers += [
            form(
                seeded.owner, path, {**csrf, "text": f"rules: [{CANARY}", "email": CANARY, "role": "member", "name": ""}
            )
            for path in ("/configuration/text", "/people/invite", "/account/name", "/memories/edit", "/rules/edit")
        ]
        for html in [answer.text for answer in answers] + pieces:
            root = read_markup(html)
            assert active_content(root) == []
            assert [each.get("src") for each in root.all("img") if not each.get("src").startswith("/static/")] == []
            assert [each.get("href") for each in root.all("a") if LINK[:11] in each.get("href").lower()] == []
            shown += "alert(1)" in root.words
        assert shown >= 20, "the canary is shown as words where it belongs"
        assert "alert(1)" in read_markup(pieces[0]).words


# Whose it is


def test_what_a_repository_admin_sees_and_changes_ends_at_the_own_repositories(seeded: Seeded) -> None:
    admin = seeded.stand.member(Role.REPOSITORY_ADMIN, repositories=(WEB,))
    said = f"/reviews/{RESULT}/calls/{seeded.call}"  # of SHOP
    assert admin.get(f"{said}/said").status == 403
    assert "percent" not in admin.get(said).text
    csrf = {"csrf": admin.get("/account").csrf, "x-mesrai-live": "1"}
    for repository, status in ((SHOP, 403), (WEB, 200), ("", 403)):
        fields = {**csrf, "repository": repository, "text": "language: Polish\n"}
        answer = form(admin, "/configuration/check", fields, x_mesrai_live="1")
        assert (repository, answer.status) == (repository, status)


def test_who_is_signed_out_or_changed_sees_no_more_of_a_review_that_runs(seeded: Seeded) -> None:
    stand, member = seeded.stand, seeded.stand.member(Role.MEMBER)
    place = urlsplit(member.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=15)
    cookie = "; ".join(f"{name}={value}" for name, value in member.cookies.items())
    connection.request("GET", f"/reviews/{LIVE}/live", headers={"cookie": cookie})
    stream = connection.getresponse()
    assert b'"into"' in stream.readline()
    sql = "UPDATE members SET role = 'billing' WHERE account = (SELECT id FROM people WHERE email = :email)"
    stand.run(stand.house.database.rows(sql, email=member.email))
    rest = stream.read()  # it would go on for an hour
    connection.close()
    assert rest.endswith(b"event: end\ndata: {}\n\n")
    assert rest.count(b'"into": "live"') <= 1


# Guessing, and load


def test_codes_of_invitations_cannot_be_tried_for_long(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        code = stand.run(sign_in.make_setup_code(stand.house.doors))
        assert code is not None
        told = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD}
        wrong = [form(stand.visitor(), "/welcome", {**told, "code": f"wrong-{at}"}) for at in range(20)]
        assert all("That code is wrong" in answer.text for answer in wrong)
        answer = form(stand.visitor(), "/welcome", {**told, "code": code.open()})
        assert (answer.status, "Too many attempts" in answer.text) == (400, True)


class Counted(Passwords):
    """Passwords that count what they compute, and how many do so at once."""

    def __init__(self) -> None:
        super().__init__()
        self.checked = 0
        self.now = 0
        self.most = 0

    def _matches(self, password: Secret, kept: str) -> bool:
        assert kept.startswith("$argon2id$")
        self.checked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return super()._matches(password, kept)
        finally:
            self.now -= 1


def test_a_known_account_an_unknown_one_and_one_without_a_password_take_the_same_work(tmp_path: Path) -> None:
    counted = Counted()

    def with_counted(house: House) -> House:
        return replace(house, passwords=counted)

    with a_site(tmp_path, change=with_counted) as stand:
        an_account(stand)
        nobody = stand.member(Role.MEMBER).email
        told: set[str] = set()
        for email in ("ada@example.com", "unknown@example.com", nobody):
            before = counted.checked
            answer = form(stand.visitor(), "/sign-in", {"email": email, "password": "not the right one"})
            assert (email, answer.status, counted.checked - before) == (email, 403, 1)
            told.add(re.sub(r'value="[^"]*"', "", answer.text))
        assert len(told) == 1, "and the same answer"


def test_many_who_guess_at_once_get_no_more_guesses_and_no_more_memory(tmp_path: Path) -> None:
    counted = Counted()

    def with_counted(house: House) -> House:
        return replace(house, passwords=counted)

    with a_site(tmp_path, change=with_counted) as stand:
        an_account(stand)

        async def guess(password: str) -> str:
            client = sign_in.Client(network="192.0.2.1")
            try:
                await sign_in.sign_in(stand.house.doors, "ada@example.com", Secret(password), client)
            except SignInRefused as refused:
                return "wait" if refused.wait_s else "wrong"
            return "in"

        async def at_once() -> list[str]:
            wrong = [guess(f"not the right one {number}") for number in range(20)]
            return list(await asyncio.gather(*wrong, guess(PASSWORD)))

        told = stand.run(at_once())
        assert counted.most <= 2
        assert told.count("wrong") <= 7
        assert told[-1] == "wait", "even the right one learns nothing then"


@pytest.mark.parametrize(
    "body",
    [
        b"csrf={csrf}&name=" + b"x" * 600_000,
        b"csrf={csrf}" + b"&a=b" * 2_000,
        b"csrf={csrf}&name=\xff\xfe",
        b"csrf={csrf}&name=%00&old=%00&new=%00",
        b"csrf={csrf}&name=%ff%fe%ed%a0%80",
        b"csrf={csrf}&name=%",
        b"csrf={csrf}&" + b"&" * 1_000 + b"=&==&%=%",
        b"csrf={csrf}&name=a&name=b&csrf=0.0",
        b"",
    ],
    ids=["large", "many fields", "no text", "zeros", "no letters", "cut", "empty fields", "twice", "nothing"],
)
@pytest.mark.parametrize("path", ["/account/name", "/people/invite", "/memories/edit", "/reviews/job-1/again"])
def test_no_form_breaks_the_service(seeded: Seeded, path: str, body: bytes) -> None:
    whole = body.replace(b"{csrf}", seeded.owner.get("/account").csrf.encode())
    headers = {"origin": seeded.url, "content_type": "application/x-www-form-urlencoded; charset=utf-16"}
    answer = raw(seeded.owner, "POST", path, whole, **headers)
    assert answer.status in (303, 400, 403), answer.text[:300]
    assert seeded.owner.get("/account").status == 200


@pytest.mark.parametrize(
    "odd", ["%00", "%ff%fe", "%ed%a0%80", "a" * 5_000, "-1", "9" * 400, "nan", "1e400", "%F0%9F%98%80"]
)
def test_no_address_breaks_the_service(seeded: Seeded, odd: str) -> None:
    for path in ("/reviews/{}", "/reviews?after={}_x", "/reviews?since={}", "/reviews?title={}", "/audit?before={}"):
        answer = raw(seeded.owner, "GET", path.replace("{}", odd))
        assert answer.status in (200, 400, 404), path
    for path in ("/usage?since={}", "/memories/edit?id={}", "/rules?repository={}", "/configuration?folder={}"):
        answer = raw(seeded.owner, "GET", path.replace("{}", odd))
        assert answer.status in (200, 303, 400, 403, 404), path


# What is written down

CHANGES: dict[str, tuple[dict[str, str], str]] = {  # by path: a form that changes something, and its entry
    "/account/password": ({}, ""),  # see test_a_changed_password_is_written_down
    "/account/tokens": ({"token_name": "CI", "right": "see_usage", "days": "7"}, "token.make"),
    "/account/tokens/end": ({"token": "1"}, "token.remove"),
    "/people/invite": ({"email": "new@example.com", "role": "member"}, "member.invite"),
    "/people/invitations/take-back": (
        {"invitation": "{invitation}", "email": "edsger@example.com"},
        "invitation.remove",
    ),
    "/people/{account}/role": ({"role": "billing"}, "member.role"),
    "/people/{account}/remove": ({}, "member.remove"),
    "/usage/budget": ({"currency": "USD", "month": "70"}, "budget.change"),
    "/repositories/switch": ({"name": WEB, "reviewed": "0"}, "repository.switch"),
    "/repositories/review": ({"name": SHOP, "number": "7", "scope": ""}, "review.ask"),
    "/organization/byok/try": (
        {"slot": "main", "card": "kimi-k2.6", "plan": "developer", "thinking": "low", "key": "sk-sim-ok-tier1"}
        | {"action": "save"},
        "connection.change",
    ),
    "/organization/byok/remove": ({"slot": "fallback"}, "connection.remove"),
    "/reviews/{review}/stop": ({}, "review.stop"),
    "/reviews/{review}/again": ({"scope": ""}, "review.ask"),
    "/configuration": ({"repository": WEB, "language": "Polish", "here.language": "on"}, "configuration.change"),
    "/configuration/text": ({"repository": OLD, "text": "language: Polish\n"}, "configuration.change"),
    "/configuration/folders": ({"repository": SHOP, "new": "services/mail"}, "configuration.add"),
    "/configuration/folders/remove": ({"repository": SHOP, "folder": "services/mail"}, "configuration.remove"),
    "/rules/edit": (
        {"repository": SHOP, "title": "New", "rule": "New.", "severity": "high", "scope": "file"},
        "configuration.change",
    ),
    "/rules/switch": ({"repository": SHOP, "title": "New", "enabled": "0"}, "configuration.change"),
    "/rules/exclude": ({"repository": SHOP, "title": RULE, "excluded": "1"}, "configuration.change"),
    "/rules/remove": ({"repository": SHOP, "title": "New"}, "configuration.change"),
    "/memories/edit": ({"text": "Short names.", "scope": "repository", "repository": SHOP}, "memory.add"),
    "/memories/decide": ({"id": "{waiting}", "action": "apply"}, "memory.apply"),
    "/queue/{job}/retry": ({}, "job.retry"),
    "/queue/{job}/cancel": ({}, "job.cancel"),
    "/organization/github": ({}, ""),  # see test_first_run.py: the host must take the credentials
    "/organization/github/disconnect": ({}, "forge.disconnect"),
    "/organization/webhooks": ({"url": "https://example.com/other", "event": "review.finished"}, "webhook.add"),
    "/organization/webhooks/{webhook}/switch": ({"active": "0"}, "webhook.switch"),
    "/organization/webhooks/{webhook}/remove": ({}, "webhook.remove"),
}
NOTHING_CHANGED = {
    "/account/name", "/account/sessions/end", "/repositories/look", "/organization/byok/check",
    "/organization/byok/retest", "/organization/byok/manual", "/configuration/preview", "/configuration/check",
    "/rules/try", "/organization/webhooks/{webhook}/ping", "/organization/webhooks/{webhook}/again",
    "/reviews/{review}/feedback",
}  # fmt: skip


def test_every_change_is_in_the_audit_trail_with_who_made_it(tmp_path: Path) -> None:
    paths = {page.path for page in POSTS if page.needs is not None}
    assert paths == {*CHANGES, *NOTHING_CHANGED}, "a form that is new needs a line here"
    with a_seeded_site(tmp_path) as seeded:
        stand, owner = seeded.stand, seeded.owner
        rows = stand.run(stand.house.database.rows("SELECT id FROM invitations WHERE email = 'edsger@example.com'"))
        known = {
            "{invitation}": str(rows[0]["id"]),
            "{waiting}": str(seeded.waiting),
        }
        wrong = []
        for path, (fields, what) in CHANGES.items():
            address = path.replace("{review}", LIVE).replace("{job}", str(seeded.job))
            address = address.replace("{account}", str(seeded.member)).replace("{webhook}", seeded.webhook)
            told = {name: known.get(value, value) for name, value in fields.items()}
            answer = owner.post(address, told, seen="/account") if what else None
            entry = stand.run(entries(stand.house.database, "default", most=1))[0]
            if answer is not None and (entry.what, entry.who) != (what, owner.email):
                wrong.append((path, what, entry.what, answer.status, answer.headers.get("location")))
        assert not wrong, "\n".join(map(str, wrong))


def test_a_changed_password_is_written_down(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        an_account(stand)
        ada = stand.visitor()
        ada.post("/sign-in", {"email": "ada@example.com", "password": PASSWORD}, seen="/sign-in")
        ada.post("/account/password", {"old": PASSWORD, "new": "four words in a row"}, seen="/account")
        found = stand.run(entries(stand.house.database, "default"))
        assert [each.what for each in found] == ["password.change", "session.begin", "member.join"]
        assert "words" not in json.dumps([each.details for each in found])
