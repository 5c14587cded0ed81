"""A stand-in with one pull request in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.github.asking import LINES, changed
from tests.github.played import PlayedPull
from tests.github.stand_in import GitHub, running_github


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with running_github(tmp_path) as running:
        yield running


@pytest.fixture
def pull(github: GitHub) -> PlayedPull:
    """Two hunks (lines 7-14 and 47-53), a file that is gone, and one that is new."""
    shop = github.repository("acme/shop", {"shop.py": LINES, "old.txt": "bye\n"})
    shop.grant("ada", "write")
    return shop.open_pull_request("feature", {"shop.py": changed(10, 11, 50), "old.txt": None, "new file.py": "x\n"})
