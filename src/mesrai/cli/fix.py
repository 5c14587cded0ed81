"""Apply the suggestions of a review to the files, after showing them, and only to files that are as they were."""

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TextIO

from mesrai.cli.look import write_text
from mesrai.domain.diff import Side
from mesrai.domain.file_text import text_of
from mesrai.domain.finding import Finding, Suggestion
from mesrai.domain.review import Review
from mesrai.errors import FileChanged, UserError
from mesrai.review.render.code import Lines, lines_in
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.terminal import by_file, render_change, render_finding
from mesrai.review.render.untrusted import one_line
from mesrai.review.render.wording import counted, place
from mesrai.review.suggestions import apply_all, overlaps

_ANSWERS: Final = {"y": "yes", "n": "no", "a": "all", "q": "quit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A suggestion that was not applied."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What became of the suggestions."""

    applied: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Where to show, and where the answers come from."""

    answers: TextIO
    out: TextIO
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The files on disk, and what each held when it was reviewed."""

    root: Path
    reviewed: Mapping[str, bytes]  # path → bytes


def fix_all(review: Review, tree: Tree, talk: Talk, *, asks: bool = True) -> Fixed:
    """Show all suggestions, ask once (unless not `asks`), and apply them.

    A file that changed, or that is not a plain file inside the root, is skipped, and the result says so.
    Errors: UserError if there is something to ask and nobody to answer.
    """
    usable, skipped = _usable(review, tree)
    if usable and asks:
        check_can_ask(talk.answers)
    for path, findings in by_file(usable):
        suggestions = [each.suggestion for each in findings if each.suggestion]
        write_text(talk.out, "\n" + render_change(path, suggestions, _lines(tree, path), talk.look))
    files = len({finding.path for finding in usable})
    question = f"\nApply {counted(len(usable), 'change')} to {counted(files, 'file')}? [y]es, [n]o: "
    if usable and asks and _ask(talk, question, "yn") != "yes":
        skipped += [Skipped(finding=finding, reason="you said no") for finding in usable]
        usable = []
    return _done(usable, skipped, tree, talk)


def fix_each(review: Review, tree: Tree, talk: Talk) -> Fixed:
    """Show each suggestion and ask whether to apply it; those taken are applied at the end, or on “quit”.

    Errors: UserError if there is something to ask and nobody to answer.
    """
    usable, skipped = _usable(review, tree)
    if usable:
        check_can_ask(talk.answers)
    ordered = [finding for _, findings in by_file(usable) for finding in findings]
    taken: list[Finding] = []
    answer = "no"
    for number, finding in enumerate(ordered, 1):
        if answer not in ("all", "quit"):
            shown = render_finding(finding, number=number, lines=_lines(tree, finding.path), look=talk.look)
            question = f"\nApply {number} of {len(ordered)}? [y]es, [n]o, [a]ll that are left, [q]uit: "
            write_text(talk.out, "\n" + shown)
            answer = _ask(talk, question, "ynaq")
        if answer in ("yes", "all"):
            taken.append(finding)
        else:
            reason = "you said no" if answer == "no" else "you quit before it"
            skipped.append(Skipped(finding=finding, reason=reason))
    return _done(taken, skipped, tree, talk)


def check_can_ask(answers: TextIO) -> None:
    """Errors: UserError if no person is there to answer."""
    if not answers.isatty():
        raise UserError(
            "Applying suggestions asks first, and there is no terminal to answer on. "
            "Use --fix --yes to apply them without a question."
        )


def _usable(review: Review, tree: Tree) -> tuple[list[Finding], list[Skipped]]:
    """The findings whose suggestion can be applied, worst first, and the others that have one."""
    usable: list[Finding] = []
    skipped: list[Skipped] = []
    for finding in review.findings:
        if finding.suggestion is None:
            continue
        try:
            _check(finding, finding.suggestion, tree, usable)
        except UserError as error:
            skipped.append(Skipped(finding=finding, reason=error.message))
        else:
            usable.append(finding)
    return usable, skipped


def _check(finding: Finding, suggestion: Suggestion, tree: Tree, usable: Sequence[Finding]) -> None:
    if finding.side is Side.OLD:
        raise UserError("it is about the old file")
    content = _unchanged(tree, finding.path)
    _changed(content, [suggestion])
    for other in usable:
        if other.path == finding.path and other.suggestion and overlaps(suggestion, other.suggestion):
            raise UserError(f"it replaces a line that “{one_line(other.title)}” replaces too")


def _unchanged(tree: Tree, path: str) -> bytes:
    """What the file holds, which is what it held. Errors: UserError, FileChanged."""
    if path not in tree.reviewed:
        raise UserError("it is not known what the file held when it was reviewed")
    try:
        content = _safe_place(tree.root, path).read_bytes()
    except OSError as error:
        raise UserError(f"the file cannot be read: {error.strerror}") from error
    if content != tree.reviewed[path]:
        raise FileChanged("the file changed since it was reviewed")
    return content


def _safe_place(root: Path, path: str) -> Path:
    """The file's place, reached without any link. Errors: UserError, FileChanged, OSError."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise UserError("its path leads out of the repository")
    place = root.joinpath(*parts)
    if place.parent.resolve() != root.resolve().joinpath(*parts[:-1]):
        raise UserError("its path leads through a symbolic link")
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError as error:
        raise FileChanged("the file is no longer there") from error
    if not stat.S_ISREG(mode):
        raise UserError("it is not a regular file")
    return place


def _changed(content: bytes, suggestions: Iterable[Suggestion]) -> bytes:
    """The bytes with the suggestions applied, in the encoding they were read in. Errors: UserError."""
    text = text_of(content)
    is_utf8 = text.encode("utf-8") == content
    try:
        return apply_all(text, list(suggestions)).encode("utf-8" if is_utf8 else "latin-1")
    except UnicodeEncodeError as error:
        raise UserError("it has characters that the file's encoding lacks") from error


def _done(taken: Sequence[Finding], skipped: list[Skipped], tree: Tree, talk: Talk) -> Fixed:
    """Write the files and say what was done."""
    applied: list[Finding] = []
    for path, findings in by_file(taken):
        try:
            content = _unchanged(tree, path)
            new = _changed(content, [each.suggestion for each in findings if each.suggestion])
            _replace(_safe_place(tree.root, path), content, new)
        except UserError as error:
            skipped += [Skipped(finding=finding, reason=error.message) for finding in findings]
        except OSError as error:
            reason = f"the file cannot be written: {error.strerror}"
            skipped += [Skipped(finding=finding, reason=reason) for finding in findings]
        else:
            applied += findings
    fixed = Fixed(applied=tuple(applied), skipped=tuple(skipped))
    write_text(talk.out, _report(fixed, talk.look))
    return fixed


def _replace(place: Path, old: bytes, new: bytes) -> None:
    """Put `new` in place of `old` at one stroke, with the same mode and owner. Errors: FileChanged, OSError."""
    before = place.stat()
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".mesrai-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError, AttributeError):  # only root may give files away, and Windows has no such owners
            os.chown(temporary, before.st_uid, before.st_gid)
        temporary.chmod(stat.S_IMODE(before.st_mode))
        if place.read_bytes() != old:
            raise FileChanged("the file changed since it was reviewed")
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)


def _ask(talk: Talk, question: str, letters: str) -> str:
    """The word of the letter answered; no answer at all is “quit”."""
    while True:
        write_text(talk.out, question)
        line = talk.answers.readline()
        if not line:
            write_text(talk.out, "\n")
            return "quit"
        answer = line.strip().lower()
        for letter in letters:
            if answer in (letter, _ANSWERS[letter]):
                return _ANSWERS[letter]
        write_text(talk.out, f"Please answer with one of {', '.join(letters)}.\n")


def _report(fixed: Fixed, look: Look) -> str:
    sheet = Sheet(look)
    files = len({finding.path for finding in fixed.applied})
    if fixed.applied:
        sheet.prose((f"Applied {counted(len(fixed.applied), 'change')} to {counted(files, 'file')}:", "bold green"))
        for finding in fixed.applied:
            sheet.prose((f"{place(finding)}  ", ""), (one_line(finding.title), "dim"), indent=2, hang=2)
    else:
        sheet.prose(("No suggestion was applied.", "bold"))
    for each in fixed.skipped:
        sheet.prose(
            ("Not applied: ", "yellow"),
            (f"{place(each.finding)}: {one_line(each.reason, 300).rstrip('.')}.", ""),
            hang=2,
        )
    return "\n" + sheet.text()


def _lines(tree: Tree, path: str) -> Lines:
    return lines_in({path: text_of(tree.reviewed[path])})
