"""The whole service, ready to be put behind its doors."""

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mesrai.assembly.figures import figures_of, forge_seen
from mesrai.assembly.hosts import NOT_CONNECTED, Host, Hosts, access_from, open_place, place_named
from mesrai.assembly.house import broken, house_of
from mesrai.assembly.intake import Intake
from mesrai.assembly.reach import reach_of
from mesrai.assembly.sources import clones_of
from mesrai.assembly.stories import Stories
from mesrai.assembly.traces import follow_forge
from mesrai.domain.figures import JOB_SECONDS
from mesrai.domain.tally import Tally
from mesrai.domain.tracing import UNTRACED, Tracing
from mesrai.errors import VaultLocked, WebhookRejected
from mesrai.flows import receive
from mesrai.flows.configured import finding_central
from mesrai.forges.github.central import CentralRepository
from mesrai.forges.github.wire import read_event
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.server.app import Doors
from mesrai.server.metrics import Figures
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Site
from mesrai.settings import database_url_from, load_settings
from mesrai.settings.serving import Serving, load_serving
from mesrai.store.accounts import count_owners
from mesrai.store.answers import prune_answers
from mesrai.store.api_once import prune_once
from mesrai.store.api_rates import prune_rates
from mesrai.store.attempts import prune_attempts
from mesrai.store.calls import forget_prompts, prune_calls
from mesrai.store.deliveries import prune_deliveries
from mesrai.store.invitations import prune_invitations
from mesrai.store.opening import open_database
from mesrai.store.review_events import prune_events
from mesrai.store.sessions import prune_sessions
from mesrai.store.webhooks import prune_webhook_deliveries
from mesrai.wiring import keyring_of
from mesrai.worker import Desk

if TYPE_CHECKING:
    from mesrai.store.database import Database

LOG: Final = logging.getLogger("mesrai.service")
_UNSIGNED: Final = "No webhook secret is set, so no webhook is taken: set MESRAI_GITHUB_WEBHOOK_SECRET_FILE."
_NOBODY: Final = (
    "Nobody owns this Mesrai yet: `mesrai people setup-code` prints the code that lets the first one in on the pages."
)
_NO_GIT: Final = (
    "git is not installed, so pull requests are read through GitHub's interface alone: the model cannot search the "
    "repository, and very large changes are read in part. MESRAI_SOURCE=api says that this is meant."
)
_DAY_S: Final = 86_400.0
_JOBS_KEPT_S: Final = 14 * _DAY_S
_STEPS_KEPT_S: Final = 90 * _DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The service, ready to be put behind its doors."""

    doors: Doors
    desk: Desk
    told: tuple[str, ...]  # what an operator should know at the start
    site: Site
    tidy: Callable[[], Awaitable[None]]  # forget what is no longer needed. Errors: StoreError
    figures: Figures  # for operators


@asynccontextmanager
async def assembled(
    environ: Mapping[str, str], tally: Tally | None = None, tracing: Tracing = UNTRACED
) -> AsyncIterator[Assembled]:
    """Everything joined, its database open; `tally` and `tracing` are told of it. Errors: SettingsError, StoreError."""
    told, tally = load_serving(environ), tally or Tally()
    organisation = load_settings(environ).organisation
    place = place_named(told.github_url)
    cache = clones_of(told, environ)
    async with (
        open_database(database_url_from(environ), migrates_apart=True) as database,
        open_place(told.github_url, told.write_gap_s, seen=forge_seen(tally, place.host)) as session,
    ):
        follow_forge(session, tracing)
        outside = None if told.github is None else access_from(told.github, place)
        hosts = Hosts(database, organisation, lambda: keyring_of(environ), session, outside=outside)
        queue = DatabaseQueue(database, lease_s=told.lease_s)
        reach = reach_of(environ, told.allowed_hosts)
        central = finding_central(told.central, CentralRepository(told.central, hosts.transport).files)
        stories = Stories(environ, database, queue, hosts, cache, reach=reach, central=central)
        desk = stories.desk(renew_s=told.lease_s / 3, tracing=tracing)

        async def webhook(headers: Mapping[str, str], body: bytes) -> str:
            return await _take(hosts, lambda seal: Intake(database, queue, organisation, seal=seal), headers, body)

        yield Assembled(
            doors=Doors(github_webhook=webhook, broken=lambda: broken(database)),
            desk=replace(desk, ended=lambda *ended: _count_job(tally, *ended)),
            told=(
                *([] if await count_owners(database, organisation) else [_NOBODY]),
                *await _told(told, await _host(hosts), place.host),
                *([_NO_GIT] if cache is None and told.source is None else []),
            ),
            site=Site(house_of(environ, database, queue, hosts, told, cache=cache), PAGES),
            tidy=lambda: _tidy(database, queue, told.keep_prompts_days),
            figures=figures_of(database, tally),
        )


async def _take(hosts: Hosts, intake: Callable[[str], Intake], headers: Mapping[str, str], body: bytes) -> str:
    """What a webhook of GitHub comes to, in words. Errors: WebhookRejected, StoreError, VaultLocked."""
    host = await hosts.current()
    if host is None or host.webhook_secret is None:
        raise WebhookRejected(_UNSIGNED, status=404)
    forge = hosts.session.place.host
    event = read_event(headers, body, secret=host.webhook_secret, me=await host.me(), forge=forge)
    if event is None:
        return "Nothing is to be done."
    return await receive.receive(intake(hashlib.sha256(body).hexdigest()), event)


def _count_job(tally: Tally, kind: str, outcome: str, took_s: float) -> None:
    tally.observe(JOB_SECONDS, took_s, kind=kind, outcome=outcome)


async def _tidy(database: "Database", queue: DatabaseQueue, keep_prompts_days: int) -> None:
    """Forget what is no longer needed. Errors: StoreError."""
    await prune_deliveries(database)
    await prune_answers(database)
    await queue.prune(older_than_s=_JOBS_KEPT_S)
    await prune_sessions(database)
    await prune_attempts(database)
    await prune_invitations(database)
    await prune_once(database)
    await prune_rates(database, before=int(time.time() // 60) - 2)
    await prune_webhook_deliveries(database)
    await forget_prompts(database, older_than_s=keep_prompts_days * _DAY_S)
    await prune_calls(database, older_than_s=_STEPS_KEPT_S)
    await prune_events(database, older_than_s=_STEPS_KEPT_S)


async def _host(hosts: Hosts) -> Host | None:
    """The host that is connected at the start, if its credentials can be opened."""
    try:
        return await hosts.current()
    except VaultLocked as locked:
        LOG.error("GitHub's saved credentials cannot be opened: %s", locked.message)
        return None


async def _told(serving: Serving, host: Host | None, name: str) -> tuple[str, ...]:
    if host is None:
        return tuple(NOT_CONNECTED.splitlines())  # each is a line of the log
    me = await host.me()
    who = f"as {me.login}" if me else "under an identity that is not known yet"
    told = [f"Connected to {name} {who}."]
    if serving.central:
        told.append(f"Reviews are configured by {serving.central} too.")
    if host.webhook_secret is None:
        told.append(_UNSIGNED)
    return tuple(told)
