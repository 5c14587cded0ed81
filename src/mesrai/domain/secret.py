"""A secret value that prints as dots."""

from typing import Final

_SHOWN: Final = 4


class Secret:
    """A key or token. Printing, formatting or pickling it never shows the value; `open()` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep `value`, cleaned of the spaces, quotes and line ends that pasting adds."""
        cleaned = value.strip().strip("\"'`")
        while cleaned != value:  # until nothing is left to clean, so that cleaning again changes nothing
            value, cleaned = cleaned, cleaned.strip().strip("\"'`")
        self._value = cleaned

    @classmethod
    def exactly(cls, value: str) -> "Secret":
        """A secret that a person typed, such as a password: nothing is cleaned away."""
        made = cls("")
        made._value = value
        return made

    def open(self) -> str:
        """Return the value itself. Call it only where a client is built."""
        return self._value

    @property
    def hint(self) -> str:
        """Dots and at most the last four characters, for showing which key it is."""
        return "••••" + (self._value[-_SHOWN:] if len(self._value) >= 4 * _SHOWN else "")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("••••", spec)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is never pickled")
