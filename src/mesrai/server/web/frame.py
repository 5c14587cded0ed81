"""Templates to pages: the one place that knows the templates, the static files, and how values are shown."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE: Final = Path(str(files("mesrai.server.web")))
STATIC: Final = _HERE / "static"
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


@cache
def templates() -> Environment:
    """The templates; everything that is put into them is escaped, and a name they do not know is an error."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"when": when, "count": counted, "span": span, "day": day}
    made.globals |= {"static": static_url}
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template as text."""
    return templates().get_template(template).render(values)


@cache
def static_url(name: str) -> str:
    """Where a static file is, by an address that changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def when(at: float) -> Markup:
    """A time, seconds since the epoch, which the page shows in the reader's own zone."""
    moment = datetime.fromtimestamp(at, UTC)
    said = moment.strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(timespec="seconds"), said)


def day(at: float) -> str:
    """The day of a time, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def span(seconds: float) -> str:
    """How long, roughly: "3 min", "2 h"."""
    size = abs(seconds)
    for unit, length in _UNITS:
        if size >= length:
            return f"{size / length:.0f} {unit}"
    return f"{size:.0f} s" if size >= 1 or size == 0 else f"{size * 1000:.0f} ms"


def counted(number: int, word: str, words: str = "") -> str:
    """A number with its word: "1 review", "2,000 reviews"."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"
