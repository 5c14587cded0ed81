"""What a browser carries while its person signs in elsewhere: sealed, so that nobody reads or makes it but us."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mesrai.domain.secret import Secret
from mesrai.errors import SignInRefused, VaultLocked
from mesrai.store.vault import KEY_BYTES, Keyring, MasterKey

LASTS_S: Final = 600.0  # from the button to the way back
_MOST: Final = 3_500  # characters; browsers keep cookies of 4,096 bytes with all that belongs to them
_MOST_TO: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One way to the provider and back."""

    state: str  # comes back in the address
    nonce: str = field(repr=False)  # comes back in what the provider signs
    verifier: str = field(repr=False)  # proves to the provider who asked (PKCE)
    to: str  # where the person wanted to go
    until: float  # seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """That somebody gave the code of an invitation, before they go to the provider."""

    invitation: str  # the hash of its code
    until: float


class Tickets:
    """Seals them with a key made of the client's secret, which every process of the service knows."""

    def __init__(self, secret: Secret, issuer: str, client_id: str, now: Callable[[], float]) -> None:
        raw = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"mesrai sign-in tickets v1").derive(
            secret.open().encode("utf-8", "surrogatepass")
        )
        self._keys = Keyring(MasterKey(raw))
        self._bound_to = (issuer, client_id)
        self._now = now

    def new(self, to: str) -> Ticket:
        """A ticket of its own for each try."""
        return Ticket(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            to=to if len(to) <= _MOST_TO else "/",
            until=self._now() + LASTS_S,
        )

    def invited(self, invitation: str) -> Invited:
        """That the code of this invitation was given."""
        return Invited(invitation=invitation, until=self._now() + LASTS_S)

    def seal(self, what: Ticket | Invited) -> str:
        """For a cookie."""
        return self._keys.seal(Secret(json.dumps(asdict(what))), bound_to=(type(what).__name__, *self._bound_to))

    def ticket(self, sealed: str) -> Ticket:
        """Errors: SignInRefused if there is none, if we did not make it, or if it is too old."""
        return Ticket(**self._opened(sealed, Ticket))

    def invitation(self, sealed: str) -> str:
        """The hash of an invitation's code. Errors: SignInRefused, as above."""
        return Invited(**self._opened(sealed, Invited)).invitation

    def _opened(self, sealed: str, kind: type[Ticket | Invited]) -> dict[str, Any]:
        if not sealed or len(sealed) > _MOST:
            raise SignInRefused("This browser did not begin to sign in here, or its cookie is gone. Begin again.")
        try:
            opened = self._keys.open(sealed, bound_to=(kind.__name__, *self._bound_to))
        except VaultLocked:
            raise SignInRefused("This browser did not begin to sign in here. Begin again.") from None
        told: dict[str, Any] = json.loads(opened.open())
        if told["until"] < self._now():
            raise SignInRefused("It took too long to sign in. Begin again.")
        return told
