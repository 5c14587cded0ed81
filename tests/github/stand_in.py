"""A stand-in for GitHub on a free loopback port: real git, real state, and judged by what GitHub publishes.

    from tests.github.stand_in import running_github

    def test_review_is_posted(tmp_path):
        with running_github(tmp_path) as github:
            shop = github.repository("acme/shop", files={"shop.py": "price = 1\n"})   # the app is installed there
            shop.grant("ada", "write")
            github.webhooks_to("http://127.0.0.1:8000/webhooks/github", secret="s3cret")
            pull = shop.open_pull_request("feature", {"shop.py": "price = 2\n"}, author="ada")
            ...                                     # the code under test works against github.url
            pull.push({"shop.py": "price = 3\n"})   # also force_push, edit, retarget, close, merge, draft, ready
            pull.say("ada", "@mesrai review")       # a comment in the conversation; reply(...) in a thread
            assert [each.body for each in pull.comments] == [...]

Where: `github.url` is the web and API address (`/repos/...`, `/graphql`, `/acme/shop.git`; also `/api/v3/...` and
`/api/graphql`). Who: `github.app` (id, client_id, slug, private_key), `github.personal_token("ada")`,
`github.installation_token("acme/shop")`, `github.actions_token("acme/shop")`. What was asked: `github.requests`.
What was told: `github.deliveries`, `github.settle()`, `github.redeliver(delivery)`.

Faults: `github.fail("POST", "*/reviews", status=502)`, with `times`, `skip`, `after_effect` (carried out, answer lost),
`hangs_up`, `stall_s`; or with one of `faults.throttled()`, `faults.secondary_limit()`. Also `github.expire_tokens()`,
`repository.vanish()`, and real limits: `github.limits.budget = 5`, `github.limits.writes = 10`.

The block's end fails if anything that went in or out was not as GitHub describes it (`github.judge.violations`; a
test that sends something wrong on purpose clears them, or runs with `judged=False`). Without the published files
(tests/github/fetch.py) nothing is judged, and a warning says so.
"""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from tests.github import told
from tests.github.door import ROUTES, Asked, Door, Trimmed
from tests.github.faults import Fault
from tests.github.git_store import Content
from tests.github.judge import Judge
from tests.github.limits import Limits
from tests.github.played import PlayedPull, PlayedRepository
from tests.github.records import App, Installation, Token, User
from tests.github.webhooks import Delivery, Hook, Sender
from tests.github.world import ACTIONS_PERMISSIONS, APP_PERMISSIONS, Emitted, World

EVENTS = ["pull_request", "issue_comment", "pull_request_review_comment", "check_run", "push"]


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """A running stand-in."""

    url: str  # without a slash at the end
    world: World
    door: Door
    sender: Sender
    judge: Judge | None

    @property
    def app(self) -> App:
        """Our app; its account is `app.bot`."""
        return self.world.apps[0]

    def person(self, login: str) -> User:
        """The account of that name, made if it is new."""
        with self.world.lock:
            return self.world.user(login)

    # Projects

    def repository(
        self,
        path: str,
        files: Mapping[str, Content] | None = None,
        *,
        is_private: bool = True,
        is_installed: bool = True,
    ) -> PlayedRepository:
        """A new project with one commit on `main`; of an organisation, unless a person of the name is known."""
        owner, _, name = path.partition("/")
        with self.world.lock:
            account = self.world.users.get(owner) or self.world.user(owner, is_organisation=True)
            made = self.world.new_repository(account, name, is_private=is_private)
            made.store.commit("main", files or {"README.md": "# Read me\n"}, message="Begin")
            played = PlayedRepository(world=self.world, record=made)
            if is_installed:
                played.install(self.app)
            return played

    def installation(self, path: str) -> Installation:
        """The installation of our app that reaches a project."""
        with self.world.lock:
            repository = self.world.repository(*path.split("/"))
            assert repository is not None, path
            found = self.world.installation_of(self.app, repository.owner)
            assert found is not None, f"the app is not installed in {path}"
            return found

    # Credentials

    def personal_token(self, login: str) -> str:
        """A token of a person's own; it may do all that the person may."""
        with self.world.lock:
            text = f"github_pat_{self.world.new_id():0>22}"
            return self.world.give_token(Token(text=text, user=self.world.user(login))).text

    def installation_token(self, path: str, permissions: Mapping[str, str] | None = None) -> str:
        """A token of our app for one project, as if it had asked for it."""
        with self.world.lock:
            return self._token(self.installation(path), path, permissions or self.installation(path).permissions)

    def actions_token(self, path: str, permissions: Mapping[str, str] | None = None) -> str:
        """A `GITHUB_TOKEN` of a workflow's run."""
        with self.world.lock:
            repository = self.world.repository(*path.split("/"))
            assert repository is not None, path
            actions = next((each for each in self.world.apps if each.slug == "github-actions"), None)
            actions = actions or self.world.new_app("github-actions", dict(ACTIONS_PERMISSIONS), [])
            installation = self.world.install(actions, repository)
            return self._token(installation, path, permissions or ACTIONS_PERMISSIONS)

    def _token(self, installation: Installation, path: str, permissions: Mapping[str, str]) -> str:
        repository = self.world.repository(*path.split("/"))
        assert repository is not None, path
        return self.world.give_token(
            Token(
                text=self.world.token_text(installation.app),
                user=installation.app.bot,
                installation=installation,
                repositories={repository.id},
                permissions=dict(permissions),
            )
        ).text

    def expire_tokens(self) -> None:
        """All installation tokens given out so far stop working."""
        with self.world.lock:
            for token in self.world.tokens.values():
                token.is_revoked = token.is_revoked or token.installation is not None

    # Webhooks

    def webhooks_to(self, url: str, secret: str, *, events: Sequence[str] | None = None) -> None:
        """From now on tell what happens to this address."""
        self.sender.hook = Hook(url=url, secret=secret, events=frozenset(events) if events is not None else None)

    @property
    def deliveries(self) -> list[Delivery]:
        """All that happened, whether it was sent or not, oldest first."""
        return self.sender.deliveries

    def settle(self) -> None:
        """Wait until all webhooks have been sent."""
        self.sender.settle()

    def redeliver(self, delivery: Delivery) -> None:
        """Send an event once more, under the same id."""
        self.sender.again(delivery)

    def ping(self) -> None:
        """The event that a new webhook gets."""
        with self.world.lock:
            told.tell_ping(self.world, self.app.owner)

    # What goes wrong, and what was asked

    def fail(self, method: str, path: str, fault: Fault | None = None, **changes: Any) -> Fault:
        """Answer requests of this method ("*": any) and path (shell wildcards; `*` crosses slashes) with a fault.

        `changes` are fields of Fault: status, message, headers, times, skip, after_effect, hangs_up, stall_s.
        """
        begun = fault or Fault(method=method, path=path, status=changes.pop("status", 502))
        return self.door.faults.add(replace(begun, method=method, path=path, **changes))

    @property
    def limits(self) -> Limits:
        """How fast a caller may ask: set `budget`, `budget_s`, `writes`, `writes_s`; read `exceeded`."""
        return self.door.limits

    @property
    def requests(self) -> list[Asked]:
        """All requests so far, git's too."""
        return self.door.requests

    def asked(self, method: str, ending: str) -> list[Asked]:
        """The requests of a method whose path ends so."""
        return [each for each in list(self.requests) if each.method == method and each.path.endswith(ending)]

    def pull(self, path: str, number: int) -> PlayedPull:
        """A pull request by its number."""
        with self.world.lock:
            repository = self.world.repository(*path.split("/"))
            assert repository is not None, path
            found = self.world.pull(repository, number)
            assert found is not None, f"{path}#{number}"
            return PlayedPull(world=self.world, record=found)


@contextmanager
def running_github(folder: Path, *, judged: bool = True, slug: str = "mesrai") -> Iterator[GitHub]:
    """Run it, with its repositories in the folder, until the block ends; then fail on violations."""
    world = World(folder=folder / "github")
    world.new_app(slug, dict(APP_PERMISSIONS), list(EVENTS))
    judge = Judge(path for _, path, _ in ROUTES) if judged else None
    sender = Sender(world)

    def emit(emitted: Emitted) -> None:
        if judge is not None:
            judge.see_event(emitted.event, emitted.payload)
        sender.emit(emitted)

    world.emit = emit
    door = Door(world, judge)
    # The protocol is named so that asyncio turns Nagle's algorithm off; else each answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    world.root = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = uvicorn.Config(
        Trimmed(door.app()), log_level="critical", lifespan="off", timeout_graceful_shutdown=0, log_config=None
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield GitHub(url=world.root, world=world, door=door, sender=sender, judge=judge)
    finally:
        sender.stop()
        server.should_exit = True
        server.force_exit = True
        thread.join(timeout=5)
        listener.close()
    if door.crashes:
        raise AssertionError("The stand-in crashed:\n" + "\n".join(door.crashes))
    if judge is not None and judge.violations:
        lines = [str(each) for each in judge.violations]
        raise AssertionError("Not as GitHub describes it:\n" + "\n".join(lines[:20]))
