"""What the stand-in makes of git's differences: lines that can carry a comment, and where they move to."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.github.diffs import FileDiff, difference
from tests.github.git_store import GitStore, Linked


def differing(before: Sequence[str], after: Sequence[str]) -> FileDiff | None:
    """The difference git sees; a line more, always changed, so that there is one."""
    with tempfile.TemporaryDirectory() as folder:
        store = GitStore(Path(folder) / "x.git")
        old = store.commit("main", {"f": "\n".join([*before, "old end\n"])})
        new = store.commit("main", {"f": "\n".join([*after, "new end\n"])})
        return difference(store, old, new).file("f")


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["keep", "drop", "add"]), max_size=40))
def test_a_line_that_was_kept_is_found_where_it_went(edits: list[str]) -> None:
    before = [f"line {at}" for at, edit in enumerate(edits) if edit != "add"]
    after = [f"line {at}" for at, edit in enumerate(edits) if edit != "drop"]

    file = differing(before, after)

    assert file is not None
    expected = {at: after.index(line) + 1 if line in after else None for at, line in enumerate(before, 1)}
    assert {at: file.moved(at) for at in expected} == expected
    for (side, line), row in file.anchors.items():
        assert row.text == ([*after, "new end"] if side == "RIGHT" else [*before, "old end"])[line - 1]
    assert {at for at, line in enumerate(after, 1) if line not in before} <= {
        n for s, n in file.anchors if s == "RIGHT"
    }


def test_odd_files_are_told_as_git_has_them(tmp_path: Path) -> None:
    store = GitStore(tmp_path / "x.git")
    same = "".join(f"{at}\n" for at in range(20))
    old = store.commit("main", {"gone": "x\n", "binary": b"\0\1", "moved": same, "empty": "", "no end": "a"})
    new = store.commit(
        "main",
        {"gone": None, "binary": b"\0\2", "moved": None, 'to/"ü\n': same, "link": Linked("/etc/passwd"), "no end": "b"},
    )

    files = {each.path: each for each in difference(store, old, new).files}

    assert {path: (each.status, each.old_path) for path, each in files.items()} == {
        "binary": ("modified", "binary"),
        "gone": ("removed", "gone"),
        "link": ("added", "link"),
        "no end": ("modified", "no end"),
        'to/"ü\n': ("renamed", "moved"),
    }
    assert (files["binary"].patch, files['to/"ü\n'].patch) == (None, None)
    assert files["no end"].patch == "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file"
    assert set(files["no end"].anchors) == {("LEFT", 1), ("RIGHT", 1)}
    assert set(files["gone"].anchors) == {("LEFT", 1)}
