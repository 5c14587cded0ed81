"""How deliveries come in: each one and its job, both or neither."""

from typing import TYPE_CHECKING, Final

from mesrai.errors import WebhookRejected
from mesrai.flows import receive
from mesrai.jobs.embedded import DatabaseQueue, put_in
from mesrai.jobs.room import has_room
from mesrai.store.deliveries import note_delivery
from mesrai.store.pull_requests import USUAL, change_followed_in
from mesrai.store.repositories import SWITCHED_OFF, is_switched_off

if TYPE_CHECKING:
    from mesrai.store.database import Database

MOST_WAITING: Final = 1_000  # jobs of one repository; who may comment on a public one can ask as often as they like
_FULL: Final = "{:,} jobs wait for {} already, and no more are taken. Deliver this one again when there are fewer."


class Intake:
    """One delivery and its job, both or neither."""

    def __init__(self, database: "Database", queue: DatabaseQueue, organisation: str, *, seal: str) -> None:
        """`seal`: a digest of what was signed. The id of a delivery is not, so whoever saw one could send it anew."""
        self._database = database
        self._queue = queue
        self._organisation = organisation
        self._seal = seal

    async def take(self, delivery: str, meaning: receive.Meaning) -> str:
        """See receive.Intake. Errors: WebhookRejected, where too much waits already; it may be delivered again."""
        async with self._database.transaction() as statements:
            repository = meaning.work.subject.partition("#")[0] if meaning.work is not None else ""
            if repository and await is_switched_off(statements, self._organisation, repository):
                meaning = receive.Meaning(told=SWITCHED_OFF.format(repository))
            for known_by in (delivery, f"sha256:{self._seal}"):
                if not await note_delivery(self._database, statements, known_by, meaning.told):
                    return ""
            if meaning.work is not None:
                work = meaning.work
                if not await has_room(statements, work.kind, work.subject, most=MOST_WAITING):
                    raise WebhookRejected(_FULL.format(MOST_WAITING, repository), status=503)
                if work.is_asked:
                    await change_followed_in(self._database, statements, work.subject, lambda now: now.with_ask(USUAL))
                await put_in(self._database, statements, work.kind, work.subject, work.payload)
        self._queue.wake()
        return meaning.told
