"""Webhooks of GitHub as tests need them: the fields of real ones that are read, and the signature."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from mesrai.domain.pull_request import Event, Person
from mesrai.domain.secret import Secret
from mesrai.forges.github.wire import read_event

WEBHOOK_SECRET = Secret("it is a secret to everybody")
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
BASE = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
BEFORE = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"

SENDER: Mapping[str, Any] = {"login": "Codertocat", "id": 21031067, "type": "User"}
REPOSITORY: Mapping[str, Any] = {
    "id": 186853002,
    "full_name": "Codertocat/Hello-World",
    "default_branch": "master",
    "html_url": "https://github.com/Codertocat/Hello-World",
}
PULL_REQUEST: Mapping[str, Any] = {
    "number": 2,
    "state": "open",
    "title": "Update the README with new information.",
    "body": "This is a pretty simple change.",
    "user": SENDER,
    "draft": False,
    "head": {"ref": "changes", "sha": HEAD, "repo": REPOSITORY},
    "base": {"ref": "master", "sha": BASE, "repo": REPOSITORY},
    "labels": [{"name": "bug"}],
    "merged_at": None,
}
COMMENT: Mapping[str, Any] = {"id": 492700400, "user": SENDER, "body": "@mesrai review"}


def payload(action: str | None = None, **fields: Any) -> dict[str, Any]:
    """A payload with the fields that all have; one set to None is left out."""
    every: dict[str, Any] = {
        "action": action,
        "repository": REPOSITORY,
        "sender": SENDER,
        "installation": {"id": 957387},
        **fields,
    }
    return {key: value for key, value in every.items() if value is not None}


def signed(body: bytes, secret: Secret = WEBHOOK_SECRET) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.open().encode(), body, hashlib.sha256).hexdigest()


def headers_for(name: str, body: bytes) -> dict[str, str]:
    """The headers GitHub sends, as far as they are read."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": name,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": signed(body),
    }


def told(name: str, said: Any, *, me: Person | None = None) -> Event | None:
    """What is read from a signed webhook."""
    body = json.dumps(said).encode()
    return read_event(headers_for(name, body), body, secret=WEBHOOK_SECRET, me=me)
