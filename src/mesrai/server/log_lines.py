"""Log lines that nobody outside can forge: control characters are shown, and what looks like a secret is taken out."""

import logging
import re
from typing import Final

from mesrai.domain.secrets_in_text import redact_secrets

# Control characters, line separators, and those that turn the direction of text or are not seen.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_UNSEEN_IN_TRACEBACK: Final = re.compile(_UNSEEN.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))
_MOST: Final = 4_000  # characters of one message


class LogLines(logging.Formatter):
    """One record, one line; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line of a record."""
        # A credential that begins before the cut is still whole when it is looked for.
        record.message = _UNSEEN.sub(_shown, redact_secrets(record.message[: 2 * _MOST])[0][:_MOST])
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - the library's name
        """A traceback, indented so that no line of it looks like one of the log's own."""
        text = redact_secrets(super().formatException(ei))[0]  # type: ignore[arg-type]
        return "  " + _UNSEEN_IN_TRACEBACK.sub(_shown, text).replace("\n", "\n  ")


def _shown(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
