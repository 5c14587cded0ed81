"""Links into a repository on its forge, and places that are shown as such links."""

from urllib.parse import quote

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding
from mesrai.domain.pull_request import RepositoryName
from mesrai.review.render import wording
from mesrai.review.render.markdown_text import code_cell
from mesrai.review.render.untrusted import one_line


class Links:
    """The web pages of one change. What cannot be linked is shown as code."""

    def __init__(self, repository: RepositoryName, *, head: str, base: str) -> None:
        self._root = f"https://{repository.forge}/{quote(repository.owner)}/{quote(repository.name)}/blob"
        self._commits = {Side.NEW: head, Side.OLD: base}

    def finding(self, finding: Finding) -> str:
        """Where a finding stands."""
        url = self._url(finding.path, finding.side, finding.start_line, finding.end_line)
        return _linked(wording.place(finding), url)

    def place(self, path: str, line: int | None) -> str:
        """A place in the new file."""
        return _linked(wording.place_of(path, line), self._url(path, Side.NEW, line, line))

    def named(self, place: str) -> str:
        """A place written as "path:line"."""
        path, _, line = place.rpartition(":")
        if path and line.isascii() and line.isdigit() and len(line) < 9:
            return self.place(path, int(line))
        return code_cell(one_line(place))

    def _url(self, path: str, side: Side, start: int | None, end: int | None) -> str:
        commit = self._commits[side]
        if not (len(commit) in (40, 64) and commit.isalnum() and commit.isascii()):
            return ""
        try:
            shown = quote(path.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            return ""
        lines = "" if start is None else f"#L{start}" + (f"-L{end}" if end not in (None, start) else "")
        return f"{self._root}/{commit}/{shown}{lines}"


def _linked(shown: str, url: str) -> str:
    return f"[{code_cell(shown)}]({url})" if url and shown.strip() else code_cell(shown)
