"""Fetch what Mesrai found on a pull request and what is still open of it, from the threads that stand there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesrai.domain.change import At
from mesrai.domain.finding import Suggestion
from mesrai.domain.open_finding import OpenFinding
from mesrai.errors import FileChanged
from mesrai.flows.publishing.standing import is_same
from mesrai.forges.forge import Forge, Source, Thread
from mesrai.review.render.marks import read_finding_mark
from mesrai.review.render.read_comment import read_inline_comment
from mesrai.review.suggestions import SuggestionsOverlap, apply_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Files with what is suggested for them in place."""

    files: Mapping[str, tuple[str, str]]  # path → the text before and after
    left_out: Sequence[str]  # why a suggestion was left out, a sentence each


async def open_findings(forge: Forge, number: int) -> Sequence[OpenFinding]:
    """The open findings, gravest first. A mark counts in what we or a bot wrote, never in what another person did.

    Errors: ForgeError.
    """
    me = await forge.me()
    found: list[OpenFinding] = []
    for thread in await forge.threads(number):
        first = thread.comments[0] if thread.comments else None
        is_ours = first is not None and (first.author.is_bot or is_same(first.author, me))
        finding = _finding(thread) if is_ours and not thread.is_resolved else None
        if finding is not None:
            found.append(finding)
    return sorted(found, key=lambda each: (each.severity.rank, each.path, each.first_line or 0))


async def apply_suggested(findings: Sequence[OpenFinding], source: Source) -> Applied:
    """The files at the head with all that fits together applied; of two for the same line the graver.

    Errors: SourceError.
    """
    chosen: dict[str, list[Suggestion]] = {}
    files: dict[str, tuple[str, str]] = {}
    left_out: list[str] = []
    for finding in findings:
        suggestion = finding.suggestion
        if suggestion is None:
            continue
        place = f"{finding.path}:{suggestion.start_line}"
        before = _text(await source.file(finding.path, At.HEAD))
        if before is None:
            left_out.append(f"{place}: there is no such file at the head, or it is not UTF-8.")
            continue
        wanted = [*chosen.get(finding.path, []), suggestion]
        try:
            files[finding.path] = (before, apply_all(before, wanted))
        except (SuggestionsOverlap, FileChanged) as error:
            left_out.append(f"{place}: {error.message}")
            continue
        chosen[finding.path] = wanted
    return Applied(files=files, left_out=left_out)


def _text(content: bytes | None) -> str | None:
    """The file's text, if a patch of it can be written as text."""
    if content is None:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _finding(thread: Thread) -> OpenFinding | None:
    """What a thread is about; None if it does not begin with a finding's mark."""
    body = thread.comments[0].body
    mark = read_finding_mark(body)
    if mark is None:
        return None
    said = read_inline_comment(body)
    line = None if thread.is_outdated else thread.line
    return OpenFinding(
        fingerprint=mark[0],
        severity=mark[1],
        path=thread.path,
        first_line=None if line is None else thread.first_line or line,
        last_line=line,
        title=said.title,
        text=said.text,
        replacement=said.replacement,
    )
