"""Whole outputs kept in files: `UPDATE_GOLDEN=1 pytest -n0` writes them anew, to be read before they are committed."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "unit/review/render/golden"


def assert_golden(name: str, text: str) -> None:
    """The text is what the file of that name holds."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
