"""Of a difference that is too much to be read, the largest files are left out, and are not taken for read."""

import asyncio
from pathlib import Path

from tests.repositories import ENVIRONMENT, a_repository

from mesrai.domain.change import Revision
from mesrai.domain.diff import Action, FileKind
from mesrai.domain.policy import Policy
from mesrai.domain.review import FileStatus
from mesrai.forges.clone_diff import take_change
from mesrai.forges.local_diff import Taken
from mesrai.forges.repository import find_repository
from mesrai.review.select import select_files


def test_the_largest_files_are_left_out_where_all_together_would_be_too_much(tmp_path: Path) -> None:
    made = a_repository(tmp_path, {"a.py": "a = 1\n", "old.py": "o = 1\n" * 40})
    base = made.git("rev-parse", "HEAD")
    for path, content in {"a.py": "a = 2\n", "new.py": "n = 1\n" * 10, "large.py": "l = 1\n" * 30}.items():
        made.write(path, content)
    (tmp_path / "old.py").unlink()
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "More")

    async def taken() -> Taken:
        repository = await find_repository(made.root, ENVIRONMENT)
        revision = Revision(base=base, head=made.git("rev-parse", "HEAD"))
        return await take_change(repository, revision, largest=1_000, most=100)

    change = asyncio.run(taken())
    assert {file.path: (file.action, file.kind) for file in change.files} == {
        "a.py": (Action.MODIFIED, FileKind.TEXT),
        "new.py": (Action.ADDED, FileKind.TEXT),
        "large.py": (Action.ADDED, FileKind.UNREAD),
        "old.py": (Action.DELETED, FileKind.UNREAD),
    }
    assert change.notices == ("Not read, because all together would be too much: large.py, old.py.",)
    selected = select_files(change.files, Policy(), {})
    assert {each.path: each.status for each in selected.skipped} == {
        "large.py": FileStatus.FAILED,
        "old.py": FileStatus.SKIPPED,
    }
