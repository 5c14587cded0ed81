"""One call of the interface: who calls, with which rights, and what was sent, all of it proven."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mesrai.domain.roles import Right
from mesrai.errors import AccessDenied
from mesrai.server.api.problems import Code
from mesrai.server.web.house import House
from mesrai.store.accounts import Member

if TYPE_CHECKING:
    import msgspec
    from starlette.requests import Request

_S = TypeVar("_S", bound="msgspec.Struct")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program with a token, or a person with the pages' session."""

    member: Member
    rights: frozenset[Right]
    name: str  # unique to the token, or to the person: what is counted is counted under it


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may be carried out."""

    house: House
    request: "Request"
    caller: Caller
    sent: "tuple[msgspec.Struct, ...]" = field(default=(), repr=False)  # path, query and body; keys may be in it

    @property
    def who(self) -> str:
        """Who does it, for the audit trail."""
        return self.caller.member.email

    def read(self, shape: type[_S]) -> _S:
        """What was sent in that shape, which the operation names."""
        return next(each for each in self.sent if isinstance(each, shape))

    def may(self, right: Right) -> bool:
        """Whether the caller has that right."""
        return right in self.caller.rights

    def refuse_other_repository(self, repository: str) -> None:
        """Errors: AccessDenied unless the caller looks after that repository, or after all of them."""
        if self.may(Right.EDIT_CONFIGURATION):
            return
        own = {each.casefold() for each in self.caller.member.repositories}
        name = repository.casefold()
        if not own & {name, name.partition("/")[2]} or not repository:
            raise AccessDenied("That repository is not among those that you look after.")


MOST_BODY: Final = 1_000_000  # bytes
Do = Callable[[Call], Awaitable[Any]]
USUAL: Final = (Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.RATE_LIMITED, Code.UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be done: the line of the table from which all else is made."""

    name: str  # its id in the description: `startReview`
    tag: str
    method: str
    path: str  # below /api/v1
    needs: Right | None  # None: for everybody, without a token
    told: str  # a sentence
    do: Do
    status: int = 200
    answer: Any = None  # the type of the answer; None: nothing is in it
    at: "type[msgspec.Struct] | None" = None  # the parameters in the path
    query: "type[msgspec.Struct] | None" = None
    body: "type[msgspec.Struct] | None" = None
    errors: tuple[Code, ...] = ()  # beside those that every operation has
    is_once: bool = False  # it takes an Idempotency-Key
    is_for_any_token: bool = False  # also for one that was not given the right
    most_body: int = MOST_BODY  # bytes
    media_type: str = "application/json"  # of the answer
