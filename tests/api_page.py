"""docs/api.md and docs/openapi.json, made from the table of operations: `python -m tests.api_page` writes them."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from mesrai.domain.roles import Role, may
from mesrai.flows.webhooks import RETRIES_S, Happening
from mesrai.server.api.call import MOST_BODY, Operation
from mesrai.server.api.door import BASE, PER_MINUTE
from mesrai.server.api.openapi import codes_of, document
from mesrai.server.api.operations import OPERATIONS
from mesrai.server.api.problems import MEANINGS
from mesrai.store.webhooks import MOST_FAILURES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "api.md"
DESCRIPTION = DOCS / "openapi.json"

_INTRO = f"""\
# The interface for programs

Made from the code by `python -m tests.api_page`. The whole description is [openapi.json](openapi.json) (OpenAPI
3.1), and every server gives its own at `{BASE}/openapi.json`.

```sh
curl -H "Authorization: Bearer $MESRAI_TOKEN" https://mesrai.example.com{BASE}/reviews
curl -H "Authorization: Bearer $MESRAI_TOKEN" -H "Content-Type: application/json" -H "Idempotency-Key: $(uuidgen)" \\
  -d '{{"url": "https://github.com/acme/shop/pull/7"}}' https://mesrai.example.com{BASE}/reviews
```

## Who may do what

A token is made on the page `/account`, shown once, and sent as `Authorization: Bearer mesrai_…`. It may do what it
was given and what its member may still do: a token loses at once what its member loses. Whoever is signed in on the
pages may also read (`GET`) with the session's cookie, and change nothing. Other web sites cannot call the interface
from a browser: no CORS header is ever sent.

A repository admin changes configuration, rules and memories of the repositories that are named for that member; all
others need `edit_configuration`.

## What holds for every call

- Requests and answers are JSON in UTF-8, at most {MOST_BODY:,} bytes. Fields and parameters that are not known are
  refused with their place. Times are RFC 3339 with a zone, amounts of money are decimal numbers as text.
- Lists are pages: `limit` (25, at most 100), and `next` of one page is `after` of the next one. On the last page
  `next` is null.
- {PER_MINUTE} calls a minute are the most for one token, or one person, counted over all processes. Each answer
  says how many are left: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset` (seconds). Beyond that the
  answer is 429 with `Retry-After`.
- Where a call has an `Idempotency-Key` (up to 200 characters), the same request under the same key within 24 hours
  is carried out once; its answer is given again with `Idempotency-Replayed: true`. Another request under that key
  is refused (`key_reused`); while the first one is under way the answer is 409 (`in_progress`). What failed may be
  sent again under its key.
- Within version 1, operations, fields of answers and optional fields of requests are only added. Read what you know
  and leave the rest.

## What goes wrong

Errors are problem details (RFC 9457, `application/problem+json`): `title`, `status`, a `detail` for people, and a
`code` that stays as it is. `errors` names the places in a request.

```json
{{"type": "urn:mesrai:problem:invalid", "title": "The request is not as described", "status": 422, "code": "invalid",
 "detail": "The query is not as described: Expected `int` >= 1",
 "errors": [{{"path": "limit", "message": "Expected `int` >= 1"}}]}}
```
"""
_WATCHING = f"""\
## Watching a review

`GET {BASE}/reviews/{{review}}/events` gives server-sent events: first what happened, then what happens. `id` grows;
who comes again with `Last-Event-ID` misses nothing. The kinds are `step` (another part of the work begins, in
words) and the events of a review, such as `Started`, `Found` and `Spending`; take those you know. `event: end`
with the review's `state` is the last one. A comment comes every 15 seconds while nothing happens, and after an hour
the connection ends without `end`: come again.
"""
_SIGNING = """\
Each delivery is a `POST` of JSON: `id`, `event`, `created_at`, `organisation`, and the facts in `data`. Any 2xx
within 10 seconds is an acknowledgement; nothing of the answer is read, and no redirect is followed.

| header | |
|---|---|
| `X-Mesrai-Event` | what happened |
| `X-Mesrai-Delivery` | the same for every attempt at one event: take it once |
| `X-Mesrai-Timestamp` | when it was sent, in seconds since the epoch |
| `X-Mesrai-Signature` | `sha256=` and, in hex, HMAC-SHA256 of the timestamp, a dot and the raw body under the secret |

```python
def is_from_mesrai(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    sent = headers["X-Mesrai-Timestamp"]
    if abs(time.time() - int(sent)) > 300:  # an old one that somebody kept
        return False
    seal = hmac.new(secret.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers["X-Mesrai-Signature"], "sha256=" + seal)
```
"""
_ADDING = """\
An https address can be told of what happens. It is added by `POST /webhooks`, whose answer alone has the secret.
Addresses inside the network that the service runs in are not taken, unless the operator names them in
`MESRAI_ALLOWED_HOSTS`.
"""
_GIVING_UP = """\
What is not acknowledged is sent again after {waits} minutes, and then given up. When {most} deliveries in a row were
given up, the webhook is switched off: `is_active` is then false, `reason` says why, and the audit trail has it too.
`PATCH /webhooks/{{webhook}}` switches it on again, and any delivery can be sent once more by
`POST /webhooks/{{webhook}}/deliveries/{{delivery}}/again`. Deliveries are kept for 30 days.
"""
_EVENTS = {
    Happening.REVIEW_FINISHED: "a review came to its end, as a whole or in part, or had nothing to review: see `state`",
    Happening.REVIEW_FAILED: "a review failed for good; `reason` says why",
    Happening.REVIEW_PARKED: "a review waits: a quota or a budget is spent",
    Happening.REVIEW_STOPPED: "a newer push, or a person, ended a review",
    Happening.FINDING_POSTED: "a review found something; one delivery for each finding, 100 of a review at most",
    Happening.PING: "somebody asked for it, to try the address out",
}


def description() -> dict[str, Any]:
    """The description in OpenAPI."""
    return document(OPERATIONS)


def api_page() -> str:
    """The page for people."""
    parts = [_INTRO, _codes(), _WATCHING, _webhooks(), "## Operations", *_operations(), _by_role()]
    return "\n".join(parts)


def _by_role() -> str:
    """Which role may carry out what, by its rights."""
    names = [str(role).replace("_", " ") for role in Role]
    rows = [
        f"| {each.name} | {' | '.join('yes' if may(role, each.needs) else '' for role in Role)} |"
        for each in OPERATIONS
        if each.needs is not None
    ]
    head = ["## What each role may do", "", f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    return "\n".join([*head, *rows, ""])


def _codes() -> str:
    rows = [f"| `{code}` | {status} | {title} |" for code, (status, title) in MEANINGS.items()]
    return "\n".join(["| code | status | |", "|---|---|---|", *rows, ""])


def _webhooks() -> str:
    waits = ", ".join(f"{wait / 60:g}" for wait in RETRIES_S)
    events = [f"| `{each}` | {_EVENTS[each]} |" for each in Happening]
    ends = _GIVING_UP.format(waits=waits, most=MOST_FAILURES)
    return "\n".join(["## Webhooks", "", _ADDING, "| event | |", "|---|---|", *events, "", _SIGNING, ends])


def _operations() -> Iterator[str]:
    for tag, group in groupby(OPERATIONS, key=lambda each: each.tag):
        yield f"\n### {tag}\n"
        for each in group:
            yield _operation(each)


def _operation(each: Operation) -> str:
    lines = [f"**`{each.method} {BASE}{each.path}`** ({each.name}). {each.told}"]
    needs = "Needs no token." if each.needs is None else f"Needs `{each.needs}`."
    needs = "Needs a token, whatever it may do." if each.is_for_any_token else needs
    asked = [f"`{name}`" for shape in (each.query,) if shape is not None for name in shape.__struct_fields__]
    sent = [f"`{name}`" for shape in (each.body,) if shape is not None for name in shape.__struct_fields__]
    lines.append(
        needs + (f" Parameters: {', '.join(asked)}." if asked else "") + (f" Body: {', '.join(sent)}." if sent else "")
    )
    special = [f"`{code}`" for code in codes_of(each) if code in each.errors]
    lines.append(f"Answers {each.status}" + (f"; of its own problems {', '.join(special)}." if special else "."))
    if each.is_once:
        lines.append("Takes an `Idempotency-Key`.")
    return "  \n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(api_page(), "utf-8")
    DESCRIPTION.write_text(json.dumps(description(), ensure_ascii=False, indent=1) + "\n", "utf-8")
