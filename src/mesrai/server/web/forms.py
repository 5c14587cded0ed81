"""What a person filled in: a form's fields, read within bounds."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from mesrai.errors import UserError

MOST_BODY: Final = 512_000  # bytes
_MOST_FIELDS: Final = 1_000


class Form:
    """The fields of a form, each with the text of its last value; what was not sent is empty."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        self._last: Mapping[str, str] = dict(self._pairs)

    def text(self, name: str) -> str:
        """A field without the blanks around it."""
        return self._last.get(name, "").strip()

    def exact(self, name: str) -> str:
        """A field as it was typed, such as a password."""
        return self._last.get(name, "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field that may be chosen more than once."""
        return tuple(value for key, value in self._pairs if key == name)

    def is_set(self, name: str) -> bool:
        """Whether a box is ticked, or a button of that name was pressed."""
        return name in self._last

    def number(self, name: str, what: str) -> int | None:
        """A whole number; None if the field is empty. Errors: UserError that names `what`."""
        text = self.text(name)
        if not text:
            return None
        if not text.isascii() or not text.isdecimal() or len(text) > 12:
            raise UserError(f"{what}: a whole number belongs here.")
        return int(text)

    def items(self) -> Mapping[str, str]:
        """All fields, for showing them again. Passwords and keys are the caller's to leave out."""
        return self._last


async def read_form(request: Request) -> Form:
    """The form a request carries. Errors: UserError if it is none, or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UserError("A form belongs here.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise UserError("That is more than a form may hold.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=False, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise UserError("The form cannot be read.") from None
    return Form([(name, value.replace("\r\n", "\n")) for name, value in pairs])
