"""An organisation in full use: models, a code host, repositories, reviews, memories, rules, people, jobs."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.fakes import MemoryFiles
from tests.memory_forge import a_pull_request
from tests.sample_review import a_failed_review, a_partial_review
from tests.sandbox_server import Sandbox, running_sandbox
from tests.web.kept_reviews import FULL, put_review
from tests.web.stand import Person, Stand, a_site

from mesrai.domain.budget import Budget
from mesrai.domain.memory import Memory, MemoryScope, MemoryState
from mesrai.domain.pull_request import PullRequest, RepositoryName
from mesrai.domain.roles import Right, Role
from mesrai.domain.saved_policy import Place
from mesrai.domain.secret import Secret
from mesrai.flows import configuring, people
from mesrai.flows.receive import REVIEW
from mesrai.flows.spend import set_budget
from mesrai.llm.model import ModelTurn, Prompt, UserTurn
from mesrai.llm.recorded import answer_text, prompt_text
from mesrai.server.web.house import House
from mesrai.store.accounts import Member, find_account, find_member
from mesrai.store.calls import Ended, begin_call, end_call
from mesrai.store.configurations import change_configuration
from mesrai.store.forge_access import ForgeAccess, save_access
from mesrai.store.memories import add_memory
from mesrai.store.repositories import Found, put_repositories, switch_repository
from mesrai.store.review_events import Happened, add_events
from mesrai.store.spent import add_spent
from mesrai.store.webhooks import add_delivery, add_webhook
from mesrai.wiring import keyring_of

SHOP, WEB, OLD = "github.com/acme/shop", "github.com/acme/web", "github.com/acme/old-shop"
FOLDER: Final = "services/billing"
RULE: Final = "Money is counted in cents"
RUNNING: Final = 100  # a job
LIVE: Final = f"job-{RUNNING}"  # its review
RESULT: Final = "job-1"  # one that is over
_DAY_S: Final = 86_400.0
_POLICY: Final = f"""\
language: English
maxFiles: 200
rules:
  - title: {RULE}
    rule: An amount is a whole number of cents; a float loses some of them.
    severity: high
    path: ["**/*.py"]
    examples:
      - {{snippet: price = 1999, isCorrect: true}}
      - {{snippet: price = 19.99, isCorrect: false}}
  - title: Handlers check the CSRF token
    rule: Every handler that changes something calls check_csrf first.
    severity: critical
"""
_TITLES: Final = (
    "Discounts", "Carts remember their owner", "Upgrade to Python 3.13", "Faster search", "Invoices as PDF",
    "Sign in with passkeys", "Ship to more countries", "Log what a refund was for", "Fewer queries on the front page",
    "Retry payments", "A cache for prices", "Dark mode", "Translate e-mails", "Tidy the imports", "Rate limits",
)  # fmt: skip
_NAMES: Final = {
    Role.OWNER: "Ada Lovelace",
    Role.ADMIN: "Grace Hopper",
    Role.REPOSITORY_ADMIN: "Frances Allen",
    Role.MEMBER: "Margaret Hamilton",
    Role.BILLING: "Barbara Liskov",
}
_AUTHORS: Final = ("ada", "grace", "frances", "margaret")


@dataclass(frozen=True)
class Seeded:
    """The organisation, and the numbers and names that its pages' addresses need."""

    stand: Stand
    sandbox: Sandbox
    owner: Person
    call: int  # of RESULT
    memory: int
    waiting: int  # a memory that waits for approval
    job: int  # a parked job
    member: int  # somebody's account
    webhook: str

    @property
    def url(self) -> str:
        """Where it is served."""
        return self.stand.url


class FewPullRequests:
    """A code host with two open pull requests. See connect_forge.Host."""

    async def login(self) -> str:
        return "mesrai[bot]"

    async def repositories(self) -> Sequence[Found]:
        return ()

    async def open_pull_requests(self, repository: RepositoryName, installation: int | None) -> Sequence[PullRequest]:
        told = {"repository": repository}
        return [
            a_pull_request(**told, number=31, title="A cache for prices"),
            a_pull_request(**told, title="Discounts"),
        ]


@contextmanager
def a_seeded_site(folder: Path, *, env: dict[str, str] | None = None) -> Iterator[Seeded]:
    """The site of the organisation, with the provider's stand-in beside it. Nothing in it reaches beyond loopback."""
    with running_sandbox() as sandbox:
        told = {"MESRAI_CATALOGUE": str(sandbox.overlay(folder)), **(env or {})}
        with a_site(folder, env=told, change=_with_a_host) as stand:
            yield _seed(stand, sandbox)


def _with_a_host(house: House) -> House:
    async def files(name: str) -> MemoryFiles:
        there = {"mesrai-config.yml": "# ours\nmaxFiles: 40\n"} if name == SHOP else {}
        return MemoryFiles(there, name.partition("/")[2])

    async def current() -> FewPullRequests:
        return FewPullRequests()

    return replace(
        house,
        configuring=lambda who: replace(house.configuring(who), files=files),
        connecting=lambda who: replace(house.connecting(who), current=current),
    )


def _seed(stand: Stand, sandbox: Sandbox) -> Seeded:
    owner = _a_member(stand, Role.OWNER)
    owner_account = _member(stand, owner.email)
    _models(owner)
    _repositories(stand)
    memory, waiting = _memories(stand)
    call = _reviews(stand)
    _spending(stand)
    account = _people(stand, owner_account)
    return Seeded(
        stand=stand,
        sandbox=sandbox,
        owner=owner,
        call=call,
        memory=memory,
        waiting=waiting,
        job=_jobs(stand),
        member=account,
        webhook=_webhook(stand),
    )


def _models(owner: Person) -> None:
    main = {"slot": "main", "card": "kimi-k2.6", "plan": "developer", "thinking": "medium", "key": "sk-sim-ok-tier1"}
    spare = {"slot": "fallback", "card": "glm-5.1", "plan": "developer", "thinking": "medium", "key": "zai-sim-ok"}
    for fields in (main, spare):
        answer = owner.post("/organization/byok/try", {**fields, "action": "save"}, seen="/account")
        assert f"Saved as {fields['slot']}" in answer.text, answer.text


def _repositories(stand: Stand) -> None:
    database, organisation = stand.house.database, stand.house.organisation
    found = [Found(name=name, installation=None, is_private=name == SHOP) for name in (SHOP, WEB, OLD)]
    stand.run(put_repositories(database, organisation, found))
    stand.run(switch_repository(database, organisation, OLD, is_reviewed=False, who="ada@example.com"))
    access = ForgeAccess(
        host="github.com",
        app_id="123456",
        login="mesrai[bot]",
        key=Secret("-----BEGIN PRIVATE KEY----- kept"),
        webhook_secret=Secret("a-webhook-secret-of-some-length"),
    )
    keyring = keyring_of(stand.env)
    stand.run(save_access(database, keyring, access, organisation=organisation, who="ada@example.com"))
    for place, text in (
        (Place(), _POLICY),
        (
            Place(repository=SHOP),
            "language: Dutch\ncustomMessages:\n  startReviewMessage: Reviewing @filesCount files.\n",
        ),
    ):
        stand.run(change_configuration(database, organisation, place, _becomes(text), who="ada@example.com"))
    desk = stand.house.configuring("ada@example.com")
    stand.run(configuring.configure_folder(desk, SHOP, FOLDER))


def _becomes(text: str) -> Callable[[str], str]:
    return lambda _: text


def _webhook(stand: Stand) -> str:
    """One that was told of a review."""
    database, organisation = stand.house.database, stand.house.organisation
    made = stand.run(
        add_webhook(
            database,
            keyring_of(stand.env),
            Secret("a-secret-of-some-length"),
            organisation=organisation,
            url="https://example.com/mesrai",
            events=["review.finished"],
            who="ada@example.com",
        )
    )
    stand.run(add_delivery(database, webhook=made.id, event_id="job-1", event="review.finished", body="{}"))
    return made.id


def _memories(stand: Stand) -> tuple[int, int]:
    told = [
        Memory(id=0, text="Prices are kept in cents.", scope=MemoryScope.ORGANISATION, author="ada"),
        Memory(
            id=0,
            text="Generated clients are not reviewed.",
            scope=MemoryScope.DIRECTORY,
            repository=SHOP,
            paths=("web/generated/**",),
            author="grace",
            origin=f"{SHOP}#7 comment 12",
        ),
        Memory(
            id=0,
            text="Tests may use plain SQL.",
            repository=SHOP,
            author="frances",
            state=MemoryState.PENDING,
            origin=f"{SHOP}#9 comment 4",
        ),
        Memory(id=0, text="Never mind.", repository=WEB, author="grace", state=MemoryState.DISCARDED),
    ]
    kept = [
        stand.run(add_memory(stand.house.database, memory, organisation=stand.house.organisation)) for memory in told
    ]
    return kept[0].id, kept[2].id


def _reviews(stand: Stand) -> int:
    """Thirty that are over, one that runs; a call of the first one."""
    database = stand.house.database
    shapes = (FULL, FULL, a_partial_review(), replace(FULL, findings=()), a_failed_review())
    now = time.time()
    for at in range(30):
        put_review(
            stand,
            shapes[at % len(shapes)],
            name=f"job-{at + 1}",
            subject=f"{(SHOP, WEB)[at % 2]}#{at + 7}",
            title=_TITLES[at % len(_TITLES)],
            author=_AUTHORS[at % len(_AUTHORS)],
        )
        began = now - 3_600.0 - at * 0.9 * _DAY_S
        move = "UPDATE reviews SET created_at = :at, changed_at = :ended, head_sha = :head WHERE id = :id"
        head = hashlib.sha1(str(at).encode()).hexdigest()
        stand.run(database.rows(move, at=began, ended=began + 74.0, head=head, id=f"job-{at + 1}"))
    put_review(stand, None, name=LIVE, subject=f"{SHOP}#44", title="Gift cards", author="grace")
    head = hashlib.sha1(LIVE.encode()).hexdigest()
    stand.run(database.rows("UPDATE reviews SET head_sha = :head WHERE id = :id", head=head, id=LIVE))
    call = _call(stand, RESULT)
    for _ in range(5):
        _call(stand, RESULT)
    _live(stand)
    return call


def _call(stand: Stand, review: str, *, is_over: bool = True) -> int:
    database = stand.house.database
    question = UserTurn(text='<file path="shop/cart.py">\n+        query = "select percent"\n</file>')
    prompt = Prompt(system="You review a change.", turns=(question,))
    asked = ("moonshot", "kimi-k2.6")
    text = prompt_text(prompt)
    number = stand.run(begin_call(database, review, purpose="submit_review", asked=asked, prompt=text))
    if is_over:
        words = json.dumps({"findings": [{"title": "A discount code can inject SQL", "severity": "critical"}]})
        ended = Ended(
            took_s=12.5,
            provider="moonshot",
            model="kimi-k2.6",
            answer=answer_text(ModelTurn(text=words)),
            input_tokens=18_400,
            cached_tokens=9_200,
            output_tokens=1_350,
            nanos=14_800_000,
            currency="USD",
        )
        stand.run(end_call(database, number, ended))
    return number


def _live(stand: Stand) -> None:
    now = time.time()
    found = {"severity": "high", "title": "A gift card can be spent twice", "path": "shop/gift.py", "line": 41}
    batch = {"paths": ["shop/gift.py", "shop/cart.py"], "failure": "", "confirmed": 1, "refuted": 2, "found": [found]}
    told: Sequence[tuple[str, Mapping[str, Any]]] = (
        ("step", {"text": "Reading the change"}),
        ("Started", {"files": 12, "batches": 4}),
        ("BatchEnded", batch),
        ("BatchEnded", {**batch, "paths": ["web/src/gift.ts"], "confirmed": 0, "found": []}),
    )
    events = [Happened(at=now - 40 + at * 9, kind=kind, told=each) for at, (kind, each) in enumerate(told)]
    stand.run(add_events(stand.house.database, LIVE, events))
    for _ in range(2):
        _call(stand, LIVE, is_over=False)


def _spending(stand: Stand) -> None:
    database, organisation, now = stand.house.database, stand.house.organisation, time.time()

    async def spend() -> None:
        async with database.transaction() as statements:
            for at in range(120):
                is_main = at % 9 != 4
                paid: dict[str, Any] = {
                    "at": now - at * 0.22 * _DAY_S,
                    "organisation": organisation,
                    "repository": (SHOP, WEB)[at % 2],
                    "review": f"job-{at % 30 + 1}",
                    "provider": "moonshot" if is_main else "zai",
                    "model": "kimi-k2.6" if is_main else "glm-5.1",
                    "is_failed": int(at % 40 == 3),
                    "calls": 3,
                    "input_tokens": 30_000 + at * 7_919 % 40_000,
                    "cached_tokens": 9_000 + at * 1_000 % 9_000,
                    "output_tokens": 2_400,
                    "reasoning_tokens": 0,
                    "nanos": 90_000_000 + at * 77_777_777 % 400_000_000,
                    "currency": "USD",
                }
                names = ", ".join(paid)
                values = ", ".join(f":{name}" for name in paid)
                await statements.rows(f"INSERT INTO spending (is_settled, {names}) VALUES (1, {values})", **paid)
                await add_spent(statements, paid)

    stand.run(spend())
    wanted = Budget(currency="USD", month=60, review=2)  # type: ignore[arg-type]
    stand.run(set_budget(database, wanted, organisation=organisation, who="ada@example.com"))


def _people(stand: Stand, owner: Member) -> int:
    database, organisation = stand.house.database, stand.house.organisation
    for role in _NAMES:
        if role is not Role.OWNER:
            _a_member(stand, role)
    desk = people.Desk(database=database, organisation=organisation, by=owner)
    stand.run(people.invite(desk, "edsger@example.com", Role.MEMBER))
    stand.run(people.make_token(desk, "Nightly report", [Right.SEE_USAGE, Right.SEE_REVIEWS], 30 * _DAY_S))
    rows = stand.run(database.rows("SELECT account FROM members WHERE role = 'member'"))
    return int(rows[0]["account"])


def _a_member(stand: Stand, role: Role) -> Person:
    person = stand.member(role, repositories=(SHOP,) if role is Role.REPOSITORY_ADMIN else ())
    name, was = _NAMES[role], person.email
    person.email = f"{name.partition(' ')[0].lower()}@example.com"
    sql = "UPDATE people SET name = :name, email = :email WHERE email = :was"
    stand.run(stand.house.database.rows(sql, name=name, email=person.email, was=was))
    return person


def _member(stand: Stand, email: str) -> Member:
    account = stand.run(find_account(stand.house.database, email))
    assert account is not None
    member = stand.run(find_member(stand.house.database, stand.house.organisation, account.id))
    assert member is not None
    return member


def _jobs(stand: Stand) -> int:
    """One of each state; the parked one."""
    queue, database = stand.house.queue, stand.house.database

    async def put(number: int) -> int:
        return await queue.put(REVIEW, f"{SHOP}#{number}", {"forge": "github.com"})

    async def stood() -> int:
        lost, failed, parked = [(await put(number)) for number in (61, 62, 63)]
        for _ in range(3):
            job = await queue.claim("worker-2", kinds=(REVIEW,))
            assert job is not None
            if job.id == failed:
                await queue.fail(job, "GitHub refuses the App: it was taken off the repository.", retry_in_s=None)
            if job.id == parked:
                until = time.time() + 5_400
                await queue.park(job, until=until, reason="The 5-hour quota of Kimi Code Plan is used up.")
        await database.rows("UPDATE jobs SET lease_until = 1.0 WHERE id = :id", id=lost)
        await database.rows("UPDATE jobs SET id = :id WHERE id = :was", id=RUNNING, was=await put(44))
        assert await queue.claim("worker-1", kinds=(REVIEW,))
        await put(65)
        return parked

    return stand.run(stood())
