import contextlib
import difflib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.diffs import applied

from mesrai.domain.diff import Action, FileDiff, FileKind, Hunk, Line, LineKind
from mesrai.domain.file_text import added_file, text_of
from mesrai.domain.unified_diff import read_diff
from mesrai.errors import SourceError

MODIFIED = b"""\
diff --git a/a.py b/a.py
index 1111111..2222222 100644
--- a/a.py
+++ b/a.py
@@ -1,3 +1,3 @@ def f():
 one
-two
+2
 three
"""

IDS = b"index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222"


def context(old: int, new: int, text: str) -> Line:
    return Line(kind=LineKind.CONTEXT, old=old, new=new, text=text)


def added(new: int, text: str) -> Line:
    return Line(kind=LineKind.ADDED, old=None, new=new, text=text)


def removed(old: int, text: str) -> Line:
    return Line(kind=LineKind.REMOVED, old=old, new=None, text=text)


def only(data: bytes) -> FileDiff:
    (file,) = read_diff(data)
    return file


def test_modified_file_has_numbered_lines_on_both_sides() -> None:
    assert read_diff(MODIFIED) == (
        FileDiff(
            path="a.py",
            action=Action.MODIFIED,
            old_mode="100644",
            new_mode="100644",
            hunks=(
                Hunk(
                    old_start=1,
                    old_count=3,
                    new_start=1,
                    new_count=3,
                    section="def f():",
                    lines=(context(1, 1, "one"), removed(2, "two"), added(2, "2"), context(3, 3, "three")),
                ),
            ),
        ),
    )


def test_no_difference_is_no_file() -> None:
    assert read_diff(b"") == ()


def test_hunk_head_without_counts_means_one_line() -> None:
    diff = b"diff --git a/a b/a\n" + IDS + b" 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n"
    assert only(diff).hunks == (
        Hunk(old_start=1, old_count=1, new_start=1, new_count=1, lines=(removed(1, "x"), added(1, "y"))),
    )


def test_new_and_deleted_files_have_one_mode() -> None:
    diff = (
        b"diff --git a/n b/n\nnew file mode 100755\nindex 0000000..2222222\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
        b"diff --git a/o b/o\ndeleted file mode 100644\nindex 2222222..0000000\n--- a/o\n+++ /dev/null\n"
        b"@@ -1 +0,0 @@\n-x\n"
    )
    new, old = read_diff(diff)
    assert (new.path, new.action, new.old_mode, new.new_mode, new.additions) == ("n", Action.ADDED, "", "100755", 1)
    assert (old.path, old.action, old.old_mode, old.new_mode, old.deletions) == ("o", Action.DELETED, "100644", "", 1)


def test_empty_new_file_and_empty_deleted_file_have_no_hunks() -> None:
    diff = (
        b"diff --git a/some name b/some name\nnew file mode 100644\nindex 0000000..e69de29\n"
        b"diff --git a/o b/o\ndeleted file mode 100644\nindex e69de29bb2d1d6434b8b29ae775ad8c2e48c5391..0000000\n"
    )
    assert read_diff(diff) == (
        FileDiff(path="some name", action=Action.ADDED, new_mode="100644"),
        FileDiff(path="o", action=Action.DELETED, old_mode="100644"),
    )


def test_rename_copy_and_mode_change_without_content() -> None:
    diff = (
        b"diff --git a/a b/b b/c d\nsimilarity index 100%\nrename from a b/b\nrename to c d\n"
        b"diff --git a/x b/y\nold mode 100644\nnew mode 100755\nsimilarity index 100%\ncopy from x\ncopy to y\n"
        b"diff --git a/m b/m b/m b/m\nold mode 100644\nnew mode 100755\n"
    )
    assert read_diff(diff) == (
        FileDiff(path="c d", old_path="a b/b", action=Action.RENAMED),
        FileDiff(path="y", old_path="x", action=Action.COPIED, old_mode="100644", new_mode="100755"),
        FileDiff(path="m b/m", action=Action.MODIFIED, old_mode="100644", new_mode="100755"),
    )


def test_binary_files_are_named_and_have_no_hunks() -> None:
    diff = (
        b"diff --git a/a and b b/a and b\n" + IDS + b" 100644\nBinary files a/a and b and b/a and b differ\n"
        b"diff --git a/p b/p\n" + IDS + b" 100644\nGIT binary patch\nliteral 4\nLc${NkU|;|M00aO4\n\n"
        b"delta 2\nHcmZQz00961\n\n"
    )
    assert read_diff(diff) == (
        FileDiff(path="a and b", action=Action.MODIFIED, kind=FileKind.BINARY, old_mode="100644", new_mode="100644"),
        FileDiff(path="p", action=Action.MODIFIED, kind=FileKind.BINARY, old_mode="100644", new_mode="100644"),
    )


@pytest.mark.parametrize(
    ("quoted", "path"),
    [
        (rb"we\tird\n", "we\tird\n"),
        (rb"say \"hi\"", 'say "hi"'),
        (rb"back\\slash", "back\\slash"),
        (rb"caf\303\251", "café"),
        (rb"bell\a\b\v\f\r\033", "bell\a\b\v\f\r\x1b"),
        (rb"not utf-8 \377", "not utf-8 \udcff"),
    ],
)
def test_quoted_names_are_read(quoted: bytes, path: str) -> None:
    mode_change = b'diff --git "a/%s" "b/%s"\nold mode 100644\nnew mode 100755\n' % (quoted, quoted)
    change = b'diff --git "a/%s" "b/%s"\n%s 100644\n--- "a/%s"\n+++ "b/%s"\n@@ -1 +1 @@\n-x\n+y\n' % (
        quoted,
        quoted,
        IDS,
        quoted,
        quoted,
    )
    rename = b'diff --git a/old "b/%s"\nsimilarity index 100%%\nrename from old\nrename to "%s"\n' % (quoted, quoted)
    assert [only(diff).path for diff in (mode_change, change, rename)] == [path] * 3


def test_name_with_a_space_has_no_tab_after_it() -> None:
    diff = b"diff --git a/a b b/a b\n" + IDS + b" 100644\n--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-x\n+y\n"
    assert only(diff).path == "a b"


def test_symlinks_and_submodules_are_told_by_their_mode() -> None:
    diff = (
        b"diff --git a/l b/l\nnew file mode 120000\nindex 0000000..2222222\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n"
        b"+../target\n\\ No newline at end of file\n"
        b"diff --git a/s b/s\n" + IDS + b" 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n"
        b"-Subproject commit 1111111111111111111111111111111111111111\n"
        b"+Subproject commit 2222222222222222222222222222222222222222\n"
    )
    assert [file.kind for file in read_diff(diff)] == [FileKind.SYMLINK, FileKind.SUBMODULE]


def test_type_change_is_one_file_diff_of_the_new_kind() -> None:
    diff = (
        b"diff --git a/l b/l\ndeleted file mode 120000\nindex 1111111..0000000\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n"
        b"-target\n\\ No newline at end of file\n"
        b"diff --git a/l b/l\nnew file mode 100644\nindex 0000000..2222222\n--- /dev/null\n+++ b/l\n@@ -0,0 +1,2 @@\n"
        b"+x\n+y\n"
    )
    lines = (removed(1, "target"), added(1, "x"), added(2, "y"))
    assert read_diff(diff) == (
        FileDiff(
            path="l",
            action=Action.MODIFIED,
            kind=FileKind.TEXT,
            old_mode="120000",
            new_mode="100644",
            hunks=(Hunk(old_start=1, old_count=1, new_start=1, new_count=2, lines=lines),),
        ),
    )


def test_missing_last_line_end_and_carriage_returns_leave_the_text() -> None:
    diff = (
        b"diff --git a/a b/a\n" + IDS + b" 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@ head\r\n"
        b" same\r\n-x\n\\ No newline at end of file\n+y\r\r\n\\ Kein Zeilenumbruch am Dateiende.\n"
    )
    assert only(diff).hunks[0].lines == (context(1, 1, "same"), removed(2, "x"), added(2, "y\r"))


def test_lines_that_look_like_heads_are_lines() -> None:
    diff = (
        b"diff --git a/a b/a\n" + IDS + b" 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n"
        b"--- a/a\n-diff --git a/x b/x\n+++ b/a\n+@@ -1 +1 @@\n"
    )
    assert [line.text for line in only(diff).hunks[0].lines] == [
        "-- a/a",
        "diff --git a/x b/x",
        "++ b/a",
        "@@ -1 +1 @@",
    ]


def test_empty_context_line_may_lack_its_space() -> None:
    diff = b"diff --git a/a b/a\n" + IDS + b" 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n\n-x\n+y\n"
    assert only(diff).hunks[0].lines[0] == context(1, 1, "")


def test_latin_1_is_read_in_the_one_file_that_is_not_utf_8() -> None:
    utf_8 = MODIFIED.replace(b"+2", "+zwölf".encode())
    latin_1 = MODIFIED.replace(b"a.py", b"b.py").replace(b"+2", "+zwölf".encode("latin-1"))
    assert [file.hunks[0].lines[2].text for file in read_diff(utf_8 + latin_1)] == ["zwölf", "zwölf"]


def test_other_line_separators_do_not_end_a_line() -> None:
    odd = "+a\x0bb\x0cc\x1cd\x85e\u2028f\rg"
    assert only(MODIFIED.replace(b"+2", odd.encode())).hunks[0].lines[2].text == odd[1:]


def test_head_of_git_show_may_stand_first() -> None:
    head = b"commit 1234\nMerge: 12 34\nAuthor: A <a@b>\nDate:   today\n\n    say\n    \n    diff --git a/x b/x\n"
    head += b"\nNotes:\n    n\n\n"
    assert read_diff(head + MODIFIED) == read_diff(MODIFIED)


SECOND = MODIFIED.replace(b"a.py", b"z.py")
BAD = {
    "text before the first file": (b"hello\n" + MODIFIED, 1),
    "no file at all": (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n", 1),
    "one line too few": (MODIFIED.replace(b" three\n", b"") + SECOND, 9),
    "one line too many": (MODIFIED + b"+more\n", 10),
    "a stray line between hunks": (MODIFIED + b"junk\n@@ -9 +9 @@\n-x\n+y\n", 10),
    "wrong split of the counts": (MODIFIED.replace(b"+2", b"-2"), 10),
    "more lines than the head says": (MODIFIED.replace(b"-1,3 +1,3", b"-1,2 +1,3"), 5),
    "a later file without hunks": (MODIFIED + b"diff --git a/z b/z\nindex 1111111..2222222 100644\n", 10),
    "a later file with marks but no hunks": (MODIFIED + SECOND.split(b"@@")[0], 10),
    "a later file with nothing": (MODIFIED + b"diff --git a/z b/z\n", 10),
    "a later file with an unknown head": (MODIFIED + b"diff --git a/z b/z\nnew mood 100644\n", 11),
    "a head line given twice": (MODIFIED.replace(b"--- a/a.py\n", b"--- a/a.py\n--- a/a.py\n"), 4),
    "a broken head of a hunk": (MODIFIED + SECOND.replace(b"@@ -1,3", b"@@ -1,x"), 14),
    "unfit names": (MODIFIED + SECOND.replace(b"+++ b/z.py", b"+++ b/q.py"), 10),
    "no prefix": (MODIFIED + SECOND.replace(b"--- a/z.py", b"--- z.py"), 10),
    "unlike names in the first line": (b"diff --git a/a b/c\nold mode 100644\nnew mode 100755\n", 1),
    "a quoted name that does not end": (b'diff --git "a/a\\" "b/a\\"\nold mode 100644\nnew mode 100755\n', 1),
    "an unknown escape": (b'diff --git "a/\\q" "b/\\q"\nold mode 100644\nnew mode 100755\n', 1),
    "overlapping hunks": (MODIFIED + b"@@ -3,1 +3,1 @@\n-three\n+3\n", 10),
    "a cut end": (MODIFIED[:-1], 9),
    "a combined diff": (MODIFIED + b"diff --cc z\nindex 1,2..3\n--- a/z\n+++ b/z\n@@@ -1 -1 +1 @@@\n++x\n", 10),
    "a combined hunk": (MODIFIED.replace(b"@@ -1,3 +1,3 @@", b"@@@ -1,3 -1,3 +1,3 @@@"), 5),
    "an unmerged path": (MODIFIED + b"* Unmerged path z\n", 10),
    "a submodule log": (MODIFIED + b"Submodule s 11..22:\n  > one\n", 10),
    "a second commit": (MODIFIED + b"\ncommit 1234\nAuthor: A <a@b>\n\n    m\n\n" + SECOND, 10),
    "a cut binary patch": (b"diff --git a/p b/p\n" + IDS + b"\nGIT binary patch\nliteral 4\nLc${NkU|;|M00aO4\n", 6),
    "a broken binary patch": (b"diff --git a/p b/p\n" + IDS + b"\nGIT binary patch\nliteral 4\nLc${NkU\n\n", 5),
    "both new and renamed": (b"diff --git a/a b/a\nnew file mode 100644\nrename from a\nrename to b\n", 1),
    "a rename to nowhere": (b"diff --git a/a b/b\nrename from a\n", 1),
    "a new file that has an old name": (SECOND.replace(b"index", b"new file mode 100644\nindex"), 1),
    "no mode": (b"diff --git a/a b/a\nold mode rw\nnew mode 100644\n", 1),
}


@pytest.mark.parametrize(("data", "line"), BAD.values(), ids=BAD.keys())
def test_what_is_malformed_raises_with_its_line(data: bytes, line: int) -> None:
    with pytest.raises(SourceError, match=rf"line {line}: "):
        read_diff(data)


def test_path_given_twice_raises() -> None:
    with pytest.raises(SourceError, match=r"'a\.py' twice"):
        read_diff(MODIFIED + MODIFIED)


def test_combined_diff_says_what_to_do() -> None:
    with pytest.raises(SourceError, match="against one parent"):
        read_diff(b"diff --cc z\n")


def test_added_file_equals_what_git_would_print() -> None:
    content = "eins\r\n\nzwölf".encode()
    diff = (
        b"diff --git a/n b/n\nnew file mode 100644\nindex 0000000..2222222\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,3 @@\n"
        + b"".join(b"+" + line + b"\n" for line in content.split(b"\n"))
        + b"\\ No newline at end of file\n"
    )
    assert added_file("n", content, mode="100644") == only(diff)
    assert added_file("n", b"", mode="100644").hunks == ()


texts = st.lists(st.sampled_from(["a", "b", "", " ", "-", "+", "\\ No", "@@ -1 +1 @@", "é", "x\x0cy"]), max_size=12)


def rendered(old: Sequence[str], new: Sequence[str], around: int) -> bytes:
    lines = list(difflib.unified_diff(old, new, "a/f", "b/f", n=around, lineterm=""))
    return "\n".join(["diff --git a/f b/f", IDS.decode() + " 100644", *lines, ""]).encode()


@given(texts, texts, st.integers(0, 4))
def test_hunks_turn_the_old_text_into_the_new(old: list[str], new: list[str], around: int) -> None:
    if old != new:
        assert applied(old, only(rendered(old, new, around))) == new


@given(texts, texts, st.data())
def test_one_line_less_in_a_hunk_raises(old: list[str], new: list[str], data: st.DataObject) -> None:
    lines = rendered(old, new, 3).split(b"\n")
    if old == new:
        return
    at = data.draw(st.integers(5, len(lines) - 2))
    kept = b"\n".join(lines[:at] + lines[at + 1 :])
    with pytest.raises(SourceError):
        read_diff(kept + SECOND)


@given(st.binary(max_size=200))
def test_any_bytes_either_read_or_raise_the_one_error(data: bytes) -> None:
    for text in (data, MODIFIED + data, MODIFIED[:60] + data):
        with contextlib.suppress(SourceError):
            read_diff(text)


@given(st.binary(max_size=50))
def test_every_byte_sequence_is_some_text(content: bytes) -> None:
    assert text_of(content).encode("utf-8") == content or text_of(content).encode("latin-1") == content


VARIED = (
    MODIFIED
    + b"diff --git a/n b/n\nnew file mode 100755\nindex 0000000..2222222\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
    + b"diff --git a/o b/o\ndeleted file mode 100644\nindex 2222222..0000000\n--- a/o\n+++ /dev/null\n"
    + b"@@ -1 +0,0 @@\n-x\n"
    + b'diff --git "a/q\\t\\303\\251" "b/q\\t\\303\\251"\nold mode 100644\nnew mode 100755\n'
    + b"diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n"
    + b"diff --git a/p b/p\n" + IDS + b" 100644\nGIT binary patch\nliteral 4\nLc${NkU|;|M00aO4\n\n"
    + b"delta 2\nHcmZQz00961\n\n"
    + b"diff --git a/s b/s\n" + IDS + b" 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n"
    + b"-Subproject commit 11\n+Subproject commit 22\n"
)  # fmt: skip
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(VARIED)),
        st.integers(0, 12),
        st.binary(max_size=4)
        | st.sampled_from(
            [b"@@ -1 +1 @@\n", b"@@ -99999999999999999999,1 +1,1 @@\n", b"diff --git ", b"\n", b"\0", b'"', b"+", b"-"]
        ),
    ),
    min_size=1,
    max_size=3,
)  # fmt: skip


def edited(data: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    for at, without, more in edits:
        data = data[:at] + more + data[at + without :]
    return data


def assert_sound(file: FileDiff) -> None:
    """What is read holds together: every line has the number its place in the hunk gives it."""
    assert file.path
    for hunk in file.hunks:
        olds = [line.old for line in hunk.lines if line.old is not None]
        news = [line.new for line in hunk.lines if line.new is not None]
        assert olds == list(range(hunk.old_start, hunk.old_start + hunk.old_count))
        assert news == list(range(hunk.new_start, hunk.new_start + hunk.new_count))
        assert not any("\n" in line.text for line in hunk.lines)


@given(EDITS)
def test_a_spoiled_diff_is_read_soundly_or_refused(edits: list[tuple[int, int, bytes]]) -> None:
    assert len(read_diff(VARIED)) == 7
    with contextlib.suppress(SourceError):
        for file in read_diff(edited(VARIED, edits)):
            assert_sound(file)
