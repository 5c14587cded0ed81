"""A file's bytes as text, and the file diff of a file that is new as a whole."""

from mesrai.domain.diff import Action, FileDiff, FileKind, Hunk, Line, LineKind

_LOOKED_AT = 8_000  # bytes; git looks for a NUL in as many to tell a binary file


def text_of(content: bytes) -> str:
    """The text in UTF-8, or in Latin-1 where that fails, so that every byte sequence is some text."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_binary(content: bytes) -> bool:
    """Whether git would take the file for a binary one."""
    return b"\0" in content[:_LOOKED_AT]


def added_file(path: str, content: bytes, *, mode: str, kind: FileKind = FileKind.TEXT) -> FileDiff:
    """The file diff that creates the file with this content; none of it is shown if the kind is binary."""
    hunks = () if kind is FileKind.BINARY or not content else (_added_hunk(content),)
    return FileDiff(path=path, action=Action.ADDED, kind=kind, new_mode=mode, hunks=hunks)


def _added_hunk(content: bytes) -> Hunk:
    texts = text_of(content).replace("\r\n", "\n").split("\n")
    if not texts[-1]:
        texts.pop()
    lines = tuple(Line(kind=LineKind.ADDED, old=None, new=at, text=text) for at, text in enumerate(texts, 1))
    return Hunk(old_start=0, old_count=0, new_start=1, new_count=len(lines), lines=lines)


def lines_of(text: str) -> list[str]:
    """The lines as git counts them: only a line feed ends one, and a carriage return before it belongs to the end."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
