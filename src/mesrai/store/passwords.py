"""Passwords as argon2id hashes."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mesrai.domain.secret import Secret

_AT_ONCE: Final = 2  # each takes 64 MiB for a tenth of a second


class Passwords:
    """Makes and checks hashes in threads, a few at a time, so that many sign-ins cannot take all memory."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()  # argon2-cffi's defaults are RFC 9106's profile for little memory
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._nobodys = ""

    async def hashed(self, password: Secret) -> str:
        """The hash to be stored, with its salt and costs in it."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password.open())

    async def is_right(self, password: Secret, kept: str) -> bool:
        """Whether the hash is the password's. An empty hash is nobody's, and takes as long to refuse."""
        if not self._nobodys:  # at the first check of all, so that even that takes as long for everybody
            self._nobodys = await self.hashed(Secret("nobody has this password"))
        async with self._room:
            is_match = await asyncio.to_thread(self._matches, password, kept or self._nobodys)
        return is_match and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made at lower costs than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, password: Secret, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password.open())
        except (VerificationError, InvalidHashError):
            return False
