"""What names an account at a provider, without telling its key."""

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from mesrai.domain.connection import Connection
from mesrai.domain.secret import Secret

_PURPOSE: Final = b"mesrai account"
_LETTERS: Final = 16


def account_of(base_url: str, key: Secret | None) -> str:
    """The endpoint and a fingerprint of the key: the same in every process and for every model of the account.

    It is written to the database. The fingerprint does not lead back to a key that was made at random.
    """
    address = _endpoint(base_url)
    if not key:
        return address
    fingerprint = hmac.new(_PURPOSE, key.open().encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"{address}#{fingerprint[:_LETTERS]}"


def name_of(connection: Connection) -> str:
    """The account and the model: what outages and tests are remembered of."""
    return f"{account_of(connection.base_url, connection.key)} {connection.model}"


def _endpoint(base_url: str) -> str:
    """Host and path; both surfaces of one plan, with and without a `/v1` at the end, are the same account."""
    parts = urlsplit(base_url.strip())
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}{parts.path.rstrip('/').removesuffix('/v1')}"
