"""Sends what happened to a webhook's address, signed as GitHub signs it, one after the other."""

import hashlib
import hmac
import json
import queue
import threading
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.github.world import Emitted, World


@dataclass(kw_only=True)
class Delivery:
    """One event, and what the receiver answered each time it was sent."""

    id: str  # a GUID; the same when it is sent again
    event: str
    payload: dict[str, Any] = field(repr=False)
    statuses: list[int] = field(default_factory=list)  # 0: no answer

    @property
    def action(self) -> str:
        return str(self.payload.get("action", ""))


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Where events go."""

    url: str
    secret: str = field(repr=False)
    events: frozenset[str] | None = None  # None: all


def signature(secret: str, raw: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def headers_of(delivery: Delivery, secret: str, raw: bytes, app: int) -> dict[str, str]:
    """All that GitHub sends with an event."""
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/0123456",
        "X-GitHub-Delivery": delivery.id,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": "1",
        "X-GitHub-Hook-Installation-Target-ID": str(app),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature-256": signature(secret, raw),
    }


class Sender:
    """Sends events from a thread of its own. GitHub does not repeat what failed, and neither does this."""

    def __init__(self, world: World) -> None:
        self.hook: Hook | None = None
        self.deliveries: list[Delivery] = []
        self._world = world
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def emit(self, emitted: Emitted) -> None:
        """Note an event and send it, if there is an address."""
        # As bytes at once: what it says must not change with the world before it is sent.
        payload = json.loads(json.dumps(emitted.payload))
        delivery = Delivery(id=str(uuid.uuid4()), event=emitted.event, payload=payload)
        self.deliveries.append(delivery)
        if self.hook is not None and (self.hook.events is None or delivery.event in self.hook.events):
            self._waiting.put(delivery)

    def again(self, delivery: Delivery) -> None:
        """Send it once more, under the same id."""
        self._waiting.put(delivery)

    def settle(self) -> None:
        """Wait until all has been sent."""
        self._waiting.join()

    def stop(self) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=15)

    def _run(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            try:
                delivery.statuses.append(self._send(delivery))
            finally:
                self._waiting.task_done()
        self._waiting.task_done()

    def _send(self, delivery: Delivery) -> int:
        hook = self.hook
        assert hook is not None, "no address for webhooks"
        raw = json.dumps(delivery.payload).encode()
        app = self._world.apps[0].id if self._world.apps else 0
        request = urllib.request.Request(hook.url, raw, headers_of(delivery, hook.secret, raw, app))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0
