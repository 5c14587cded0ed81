import io
import os
import stat
from pathlib import Path

import pytest
from tests.factories import a_finding, a_review, a_suggestion

from mesrai.cli.fix import Fixed, Skipped, Talk, Tree, fix_all, fix_each
from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity
from mesrai.errors import UserError
from mesrai.review.render.look import Look

MIXED = b"one\r\ntwo\nthree\r\nfour"


class Answers(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


def a_tree(root: Path, **files: bytes) -> Tree:
    for name, content in files.items():
        (root / name).write_bytes(content)
    return Tree(root=root, reviewed=files)


def a_talk(*answers: str) -> Talk:
    return Talk(answers=Answers("".join(f"{answer}\n" for answer in answers)), out=io.StringIO(), look=Look(width=80))


def said(talk: Talk) -> str:
    assert isinstance(talk.out, io.StringIO)
    return talk.out.getvalue()


def a_fix(title: str, path: str, lines: tuple[int, int], new: str, **changes: object) -> Finding:
    suggestion = a_suggestion(lines[0], lines[1], new)
    return a_finding(title, path=path, start_line=lines[0], end_line=lines[1], suggestion=suggestion, **changes)


def test_yes_writes_every_suggestion_and_keeps_all_other_bytes(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED, b=b"x\n")
    one, two = a_fix("One", "a", (1, 1), "ONE\nAND"), a_fix("Four", "a", (4, 4), "FOUR")
    three = a_fix("X", "b", (1, 1), "y")
    talk = a_talk("y")
    fixed = fix_all(a_review(one, two, three, a_finding("No suggestion", path="a")), tree, talk)
    assert fixed == Fixed(applied=(one, two, three))
    assert (tmp_path / "a").read_bytes() == b"ONE\r\nAND\r\ntwo\nthree\r\nFOUR"
    assert (tmp_path / "b").read_bytes() == b"y\n"
    assert "Apply 3 changes to 2 files? [y]es, [n]o: " in said(talk)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_whole_talk(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED, b=b"x\n")
    (tmp_path / "b").write_bytes(b"z\n")
    talk = a_talk("maybe", "y")
    fix_all(a_review(a_fix("One", "a", (1, 1), "ONE"), a_fix("X", "b", (1, 1), "y")), tree, talk)
    assert said(talk) == (
        "\n── a ───────────────────────────────────────────────────────────────────────────\n\n"
        "     1 │ - one\n     1 │ + ONE\n"
        "\nApply 1 change to 1 file? [y]es, [n]o: Please answer with one of y, n.\n"
        "\nApply 1 change to 1 file? [y]es, [n]o: "
        "\nApplied 1 change to 1 file:\n  a:1  One\n"
        "Not applied: b:1: the file changed since it was reviewed.\n"
    )


def test_no_writes_nothing(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    finding = a_fix("One", "a", (1, 1), "ONE")
    assert fix_all(a_review(finding), tree, a_talk("n")) == Fixed(
        skipped=(Skipped(finding=finding, reason="you said no"),)
    )
    assert (tmp_path / "a").read_bytes() == MIXED


def test_end_of_input_writes_nothing(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    assert fix_all(a_review(a_fix("One", "a", (1, 1), "ONE")), tree, a_talk()).applied == ()
    assert fix_each(a_review(a_fix("One", "a", (1, 1), "ONE")), tree, a_talk()).applied == ()
    assert (tmp_path / "a").read_bytes() == MIXED


def test_without_a_terminal_only_yes_writes(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    review = a_review(a_fix("One", "a", (1, 1), "ONE"))
    talk = Talk(answers=io.StringIO("y\n"), out=io.StringIO(), look=Look())
    with pytest.raises(UserError, match=r"no terminal to answer on. Use --fix --yes"):
        fix_all(review, tree, talk)
    with pytest.raises(UserError, match="no terminal"):
        fix_each(review, tree, talk)
    assert (tmp_path / "a").read_bytes() == MIXED
    assert len(fix_all(review, tree, talk, asks=False).applied) == 1
    assert (tmp_path / "a").read_bytes() == MIXED.replace(b"one", b"ONE")


def test_nothing_to_apply_needs_no_terminal(tmp_path: Path) -> None:
    talk = Talk(answers=io.StringIO(), out=io.StringIO(), look=Look())
    assert fix_all(a_review(a_finding()), a_tree(tmp_path), talk) == Fixed()
    assert said(talk) == "\nNo suggestion was applied.\n"


def test_each_suggestion_is_asked_for(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    found = [a_fix(title, "a", (line, line), title) for line, title in enumerate(["A", "B", "C", "D"], 1)]
    talk = a_talk("y", "no", "A")
    fixed = fix_each(a_review(*found), tree, talk)
    assert fixed == Fixed(
        applied=(found[0], found[2], found[3]), skipped=(Skipped(finding=found[1], reason="you said no"),)
    )
    assert (tmp_path / "a").read_bytes() == b"A\r\ntwo\nC\r\nD"
    assert said(talk).count("[q]uit: ") == 3
    assert "3. HIGH  C" in said(talk)


def test_quitting_applies_what_was_taken_before(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    found = [a_fix(title, "a", (line, line), title) for line, title in enumerate(["A", "B", "C"], 1)]
    fixed = fix_each(a_review(*found), tree, a_talk("y", "q"))
    assert fixed.applied == (found[0],)
    assert [each.reason for each in fixed.skipped] == ["you quit before it"] * 2
    assert (tmp_path / "a").read_bytes() == b"A\r\ntwo\nthree\r\nfour"


def test_latin_1_file_keeps_its_encoding(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a="café\nnaïve\n".encode("latin-1"))
    good, bad = a_fix("Good", "a", (1, 1), "thé"), a_fix("Bad", "a", (2, 2), "naïve → plain")
    fixed = fix_all(a_review(good, bad), tree, a_talk("y"))
    assert fixed == Fixed(
        applied=(good,),
        skipped=(Skipped(finding=bad, reason="it has characters that the file's encoding lacks"),),
    )
    assert (tmp_path / "a").read_bytes() == "thé\nnaïve\n".encode("latin-1")


def test_mode_of_the_file_stays(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    (tmp_path / "a").chmod(0o751)
    fix_all(a_review(a_fix("One", "a", (1, 1), "ONE")), tree, a_talk("y"))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o751


def reason_of(path: str, tree: Tree) -> str:
    (skipped,) = fix_all(a_review(a_fix("One", path, (1, 1), "ONE")), tree, a_talk("y")).skipped
    return skipped.reason


def test_file_that_changed_or_is_gone_is_left_alone(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED, b=MIXED)
    (tmp_path / "a").write_bytes(MIXED + b"\n")
    (tmp_path / "b").unlink()
    assert reason_of("a", tree) == "the file changed since it was reviewed"
    assert reason_of("b", tree) == "the file is no longer there"
    assert (tmp_path / "a").read_bytes() == MIXED + b"\n"
    assert not (tmp_path / "b").exists()


def test_file_that_changes_while_we_ask_is_left_alone(tmp_path: Path) -> None:
    class Editing(Answers):
        def readline(self, _size: int | None = -1, /) -> str:  # type: ignore[override]
            (tmp_path / "a").write_bytes(b"edited\n")
            return "y\n"

    talk = Talk(answers=Editing(), out=io.StringIO(), look=Look())
    fixed = fix_all(a_review(a_fix("One", "a", (1, 1), "ONE")), a_tree(tmp_path, a=MIXED), talk)
    assert [each.reason for each in fixed.skipped] == ["the file changed since it was reviewed"]
    assert (tmp_path / "a").read_bytes() == b"edited\n"


def test_links_and_paths_that_lead_out_are_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    for place in (outside / "a", root / "real"):
        place.write_bytes(MIXED)
    (root / "link").symlink_to(root / "real")
    (root / "dir").symlink_to(outside)
    (root / "folder").mkdir()
    names = ["link", "dir/a", "../outside/a", str(outside / "a"), "folder"]
    tree = Tree(root=root, reviewed=dict.fromkeys(names, MIXED))
    assert [reason_of(name, tree) for name in names] == [
        "it is not a regular file",
        "its path leads through a symbolic link",
        "its path leads out of the repository",
        "its path leads out of the repository",
        "it is not a regular file",
    ]
    assert {place.read_bytes() for place in (outside / "a", root / "real")} == {MIXED}
    assert (root / "link").is_symlink()


def test_root_may_itself_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    tree = a_tree(tmp_path / "root", a=MIXED)
    assert len(fix_all(a_review(a_fix("One", "a", (1, 1), "ONE")), tree, a_talk("y")).applied) == 1


def test_of_overlapping_suggestions_the_worse_finding_has_its_way(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    worse = a_fix("Worse", "a", (1, 2), "W", severity=Severity.CRITICAL)
    other = a_fix("Other", "a", (2, 3), "O")
    fixed = fix_all(a_review(worse, other), tree, a_talk("y"))
    assert fixed == Fixed(
        applied=(worse,),
        skipped=(Skipped(finding=other, reason="it replaces a line that “Worse” replaces too"),),
    )
    assert (tmp_path / "a").read_bytes() == b"W\r\nthree\r\nfour"


def test_what_cannot_be_known_to_fit_is_refused(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    found = [
        a_fix("Unknown", "b", (1, 1), "x"),
        a_fix("Old", "a", (1, 1), "x", side=Side.OLD),
        a_fix("Beyond", "a", (9, 9), "x"),
    ]
    fixed = fix_all(a_review(*found), tree, a_talk("y"))
    assert [each.reason for each in fixed.skipped] == [
        "it is not known what the file held when it was reviewed",
        "it is about the old file",
        "The suggestion is for line 9, but the file has 4 lines.",
    ]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind root")
def test_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=MIXED)
    tmp_path.chmod(0o500)
    try:
        assert reason_of("a", tree) == "the file cannot be written: Permission denied"
    finally:
        tmp_path.chmod(0o700)


def test_title_from_outside_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, a=b"one\x1b[2J\n")
    talk = a_talk("y")
    fix_each(a_review(a_fix("Evil\x1b[2J\nApplied", "a", (1, 1), "x\x9b31m")), tree, talk)
    assert "\x1b" not in said(talk)
    assert "\x9b" not in said(talk)
    assert (tmp_path / "a").read_bytes() == "x\x9b31m\n".encode()
