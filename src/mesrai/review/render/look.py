"""How a text should look on a terminal; apart from the sheet, so that asking for it loads no drawing library."""

from dataclasses import dataclass
from typing import Final

DRAWN: Final = "│─┄▌·…−“”’×"  # what the renderings draw with


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a text should look."""

    width: int = 100  # columns
    has_colour: bool = False
    is_unicode: bool = True  # False: the terminal's encoding lacks what we draw with
    is_verbose: bool = False
    has_notices: bool = True
