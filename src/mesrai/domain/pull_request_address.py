"""The address of a pull request, as a person copies it from a browser or writes it by hand."""

import re
from dataclasses import dataclass
from typing import Final

from mesrai.errors import UserError

_NAME: Final = r"[A-Za-z0-9_.-]{1,100}"
_URL: Final = re.compile(
    rf"(?P<origin>https?://[A-Za-z0-9.:\[\]-]{{1,260}})/(?P<owner>{_NAME})/(?P<name>{_NAME})/pull/(?P<number>[0-9]{{1,9}})"
    r"(?:/[^\s?#]{0,200})?(?:[?#]\S{0,500})?"
)
_SHORT: Final = re.compile(rf"(?P<owner>{_NAME})/(?P<name>{_NAME})#(?P<number>[0-9]{{1,9}})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestAddress:
    """Where a pull request is."""

    origin: str  # such as https://github.com; empty: where the credentials are for
    owner: str
    name: str
    number: int


def read_pull_request_address(text: str) -> PullRequestAddress:
    """An address such as `https://github.com/owner/name/pull/7` or `owner/name#7`. Errors: UserError."""
    text = text.strip()
    found = _URL.fullmatch(text) or _SHORT.fullmatch(text)
    if found is None or int(found["number"]) < 1 or {found["owner"], found["name"]} & {".", ".."}:
        raise UserError(
            "That is not the address of a pull request. Give it like https://github.com/owner/name/pull/7, "
            "or owner/name#7."
        )
    return PullRequestAddress(
        origin=found.groupdict().get("origin") or "",
        owner=found["owner"],
        name=found["name"],
        number=int(found["number"]),
    )
