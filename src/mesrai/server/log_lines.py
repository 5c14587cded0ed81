"""Log lines that nobody outside can forge: control characters are shown, and what looks like a secret is taken out."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from mesrai.domain.figures import LOG_LINES
from mesrai.domain.log_subject import subject_now
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.domain.tally import Tally

# Control characters, line separators, and those that turn the direction of text or are not seen.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_UNSEEN_IN_TRACEBACK: Final = re.compile(_UNSEEN.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))
_MOST: Final = 4_000  # characters of one message


class LogLines(logging.Formatter):
    """One record, one line, with what it is about at its end; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line of a record."""
        about = " ".join(f"{name}={text}" for name, text in _about().items())
        record.message = _clean(record.message) + (f" [{about}]" if about else "")
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - the library's name
        """A traceback, indented so that no line of it looks like one of the log's own."""
        text = redact_secrets(super().formatException(ei))[0]  # type: ignore[arg-type]
        return "  " + _UNSEEN_IN_TRACEBACK.sub(_shown, text).replace("\n", "\n  ")


class JsonLines(logging.Formatter):
    """One record, one JSON object on one line: time, level, logger, message, what it is about, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _clean(record.getMessage()),
            **_about(),
        }
        if record.exc_info:
            told["exception"] = redact_secrets(self.formatException(record.exc_info))[0]
        return json.dumps(told)  # as ASCII: nothing unseen is left, wherever it stood


class CountLines(logging.Handler):
    """Counts lines by level."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self._tally.add(LOG_LINES, level=record.levelname.lower())


def _about() -> Mapping[str, str]:
    return {name: _clean(text) for name, text in subject_now().items()}


def _clean(text: str) -> str:
    # A credential that begins before the cut is still whole when it is looked for.
    return _UNSEEN.sub(_shown, redact_secrets(text[: 2 * _MOST])[0][:_MOST])


def _shown(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
