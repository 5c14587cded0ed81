"""A request that is sent twice under one Idempotency-Key is carried out once; its answer is given again."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import Response

from mesrai.errors import MesraiError
from mesrai.server.api.problems import ApiError, Beside, Code
from mesrai.store.api_once import begin_once, end_once, forget_once
from mesrai.store.database import Database

_MOST_KEY: Final = 200  # characters


class Once:
    """A caller's idempotency key."""

    def __init__(self, database: Database, caller: str, key: str) -> None:
        """`key` as it was sent; empty: none was."""
        self._database = database
        self._caller = caller
        self.key = key

    async def answered(
        self, what: str, body: bytes, do: Callable[[], Awaitable[Response]], told: Mapping[str, str]
    ) -> Response:
        """The answer of `do`, or the one that it gave under this key before. What fails may be sent again.

        Errors: ApiError if the key belongs to another request, or to one that is under way; those of `do`.
        """
        if len(self.key) > _MOST_KEY:
            raise ApiError(Code.INVALID, f"An Idempotency-Key has at most {_MOST_KEY} characters.")
        seal = hashlib.sha256(f"{what}\n".encode() + body).hexdigest()
        found = await begin_once(self._database, self._caller, self.key, seal)
        if found is not None:
            return _again(found.seal == seal, found.answer, told)
        try:
            response = await do()
        except MesraiError:
            await forget_once(self._database, self._caller, self.key)
            raise
        kept = json.dumps({"status": response.status_code, "body": bytes(response.body).decode()})
        await end_once(self._database, self._caller, self.key, kept)
        return response


def _again(is_same: bool, answer: str, told: Mapping[str, str]) -> Response:
    if not is_same:
        raise ApiError(Code.KEY_REUSED, "This Idempotency-Key was sent with another request within the last 24 hours.")
    if not answer:
        beside = Beside(headers={"retry-after": "2"})
        raise ApiError(Code.IN_PROGRESS, "The request with this Idempotency-Key is not over yet.", beside)
    kept = json.loads(answer)
    headers = {**told, "idempotency-replayed": "true"}
    return Response(kept["body"], kept["status"], headers, media_type="application/json")
