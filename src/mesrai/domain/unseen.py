"""The characters that a person does not see in a text, or that change how the rest of it is seen."""

import re
from typing import Final

# What shows nothing, moves the cursor, turns the direction of writing or cannot be encoded: controls, soft hyphens,
# fillers, bidirectional and zero-width marks (the two joiners are spelling in some scripts), surrogates, tags.
UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
