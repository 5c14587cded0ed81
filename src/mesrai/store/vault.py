"""Seal secrets so that they open with the master key only, and only in the place they were sealed for."""

import json
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mesrai.domain.secret import Secret
from mesrai.errors import MesraiError, VaultLocked

KEY_BYTES: Final = 32
_VERSION: Final = "v1"
_NONCE_BYTES: Final = 12  # random: 2**32 seals under one key are safe, and there will be a few
_SEALED: Final = re.compile(r"v([0-9]{1,3})\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")
_CHANGED: Final = (
    "What is stored in place of the key was changed, or was moved here from another connection, so it does not open. "
    "Connect the model again with `mesrai byok connect`."
)


class MasterKey:
    """Thirty-two random bytes, of which nothing can be read back. Printing it shows its id only."""

    __slots__ = ("_cipher", "id")

    def __init__(self, raw: bytes) -> None:
        """Derive what seals, and the public id, from the bytes; the bytes themselves are used for nothing else."""
        self.id: Final = _derived(raw, "key id")[:4].hex()
        self._cipher = AESGCM(_derived(raw, "sealing"))

    def encrypt(self, plain: bytes, associated: bytes) -> bytes:
        """A fresh nonce, and what it encrypts `plain` to."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, associated)

    def decrypt(self, body: bytes, associated: bytes) -> bytes:
        """Errors: InvalidTag."""
        if len(body) < _NONCE_BYTES:
            raise InvalidTag
        return self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], associated)

    def __repr__(self) -> str:
        return f"MasterKey({self.id} ••••)"


class Keyring:
    """The master key that seals now, and those that still open what was sealed before."""

    __slots__ = ("_current", "_keys", "_reload", "_source")

    def __init__(
        self,
        current: MasterKey,
        older: Sequence[MasterKey] = (),
        *,
        source: str = "",
        reload: Callable[[], Sequence[MasterKey]] | None = None,
    ) -> None:
        """`source` says to people where the keys are from; `reload` reads them anew, the current one first."""
        self._keys: dict[str, MasterKey] = {}
        self._source = source
        self._reload = reload
        self._take((current, *older))

    @property
    def current_id(self) -> str:
        """The id of the key that seals now. It tells nothing about the key."""
        return self._current.id

    def seal(self, secret: Secret, *, bound_to: Sequence[str]) -> str:
        """The secret under the current key: it opens again only with the same `bound_to`."""
        key = self._current
        body = key.encrypt(secret.open().encode("utf-8", "surrogatepass"), _associated(key.id, bound_to))
        return f"{_VERSION}.{key.id}.{_text(body)}"

    def open(self, sealed: str, *, bound_to: Sequence[str]) -> Secret:
        """The secret. A key that is not known is looked for anew where keys are kept, so others may rotate them.

        Errors: VaultLocked if the master key is not at hand, or if the value was changed or moved.
        """
        found = _SEALED.fullmatch(sealed)
        if found is None:
            raise VaultLocked(_CHANGED)
        if f"v{found[1]}" != _VERSION:
            raise VaultLocked("The stored key was sealed by a newer Mesrai. Upgrade Mesrai.")
        key = self._key(found[2])
        try:
            plain = key.decrypt(_bytes(found[3]), _associated(key.id, bound_to))
        except (InvalidTag, NotBase64):
            raise VaultLocked(_CHANGED) from None
        return Secret(plain.decode("utf-8", "surrogatepass"))

    def is_current(self, sealed: str) -> bool:
        """Whether the current key sealed it."""
        return sealed.startswith(f"{_VERSION}.{self._current.id}.")

    def refresh(self) -> None:
        """Read the keys anew if they are kept where others may change them. Errors: SettingsError, VaultLocked.

        Keys that this process knew stay known: what it read before others rotated them still opens.
        """
        if self._reload is not None:
            self._take(self._reload())

    def _key(self, key_id: str) -> MasterKey:
        cause: MesraiError | None = None
        if key_id not in self._keys:
            try:
                self.refresh()
            except MesraiError as error:
                cause = error
        if key_id not in self._keys:
            raise VaultLocked(self._missing(key_id)) from cause
        return self._keys[key_id]

    def _missing(self, key_id: str) -> str:
        source = f" from {self._source}" if self._source else ""
        return (
            f"The stored key was sealed under master key {key_id}, which is not at hand (now: {self._current.id}"
            f"{source}). Put that master key back, or name it in MESRAI_MASTER_KEY_PREVIOUS. "
            "If it is lost, connect the model again with `mesrai byok connect`."
        )

    def _take(self, keys: Sequence[MasterKey]) -> None:
        self._current = keys[0]
        self._keys = {**self._keys, **{each.id: each for each in keys}}

    def __repr__(self) -> str:
        return f"Keyring({self._current.id} ••••)"


def _derived(raw: bytes, purpose: str) -> bytes:
    if len(raw) != KEY_BYTES:
        raise ValueError("a master key has 32 bytes")
    info = f"mesrai vault {_VERSION} {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(raw)


def _associated(key_id: str, bound_to: Sequence[str]) -> bytes:
    """Unambiguous: no two lists of names give the same bytes."""
    return json.dumps([_VERSION, key_id, *bound_to]).encode()


def _text(body: bytes) -> str:
    return urlsafe_b64encode(body).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Errors: NotBase64, also for a second spelling of the same bytes."""
    body = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(body) != text:
        raise NotBase64
    return body
