"""What a review needs before the first question: files chosen, secrets hidden, analysers run, surroundings read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mesrai.analysers.added_lines import on_added_lines
from mesrai.analysers.analyser import Analyser
from mesrai.analysers.run import AnalyserFailure, run_analysers
from mesrai.domain.change import At, Change
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.diff import Action, FileDiff, FileKind, Hunk
from mesrai.domain.file_text import text_of
from mesrai.domain.policy import Policy
from mesrai.domain.review import FileCoverage
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.forges.forge import Source
from mesrai.review.code.context import gather_context
from mesrai.review.code.pieces import ContextPiece, FileContext
from mesrai.review.guidance import Guidance, load_guidance
from mesrai.review.select import select_files

_READ_AT_ONCE = 32
_FEW_FILES = 20
_LEAST_CONTEXT = 2_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What is known before anything is asked."""

    change: Change  # as the source gave it
    files: tuple[FileDiff, ...]  # to be read, with secrets hidden from the model's view
    skipped: tuple[FileCoverage, ...]
    heads: Mapping[str, str]  # path → text of the new file, as it is
    diagnostics: tuple[Diagnostic, ...] = ()  # on added lines only
    analyser_failures: tuple[AnalyserFailure, ...] = ()
    contexts: Mapping[str, FileContext] = field(default_factory=dict)
    guidance: Guidance = field(default_factory=Guidance)
    hidden_secrets: int = 0

    @property
    def shown_heads(self) -> dict[str, str]:
        """The new files as the model may see them."""
        return {path: redact_secrets(text)[0] for path, text in self.heads.items()}


async def gather(
    change: Change, source: Source, analysers: Sequence[Analyser], policy: Policy, *, context_chars: int | None
) -> Gathered:
    """Read and prepare. `context_chars` None: surroundings and documents are not wanted. Errors: SourceError."""
    heads = await _heads(change.files, source)
    selected = select_files(change.files, policy, heads)
    kept = {file.path: heads[file.path] for file in selected.files if file.path in heads}
    analysed = asyncio.create_task(run_analysers(analysers, kept))
    try:
        contexts: Mapping[str, FileContext] = {}
        guidance = Guidance()
        if context_chars is not None and selected.files:
            contexts, guidance = await asyncio.gather(
                gather_context(
                    change,
                    source,
                    files=selected.files,
                    budget_chars_per_file=_share(context_chars, len(selected.files)),
                ),
                load_guidance(source, selected.files),
            )
        said = await analysed
    finally:
        analysed.cancel()
    hidden, count = _with_hidden_secrets(selected.files)
    return Gathered(
        change=change,
        files=hidden,
        skipped=selected.skipped,
        heads=kept,
        diagnostics=tuple(on_added_lines(said.diagnostics, selected.files)),
        analyser_failures=said.failures,
        contexts=_without_secrets(contexts, frozenset(file.path for file in change.files)),
        guidance=replace(guidance, text=redact_secrets(guidance.text)[0]),
        hidden_secrets=count,
    )


def _share(chars: int, files: int) -> int:
    """The surroundings of one file; of many files each has less, so that the change stays the larger part."""
    return chars if files <= _FEW_FILES else max(chars * _FEW_FILES // files, _LEAST_CONTEXT)


async def _heads(files: Sequence[FileDiff], source: Source) -> dict[str, str]:
    """The text of every new file that is text and not too large to be given."""
    wanted = [file.path for file in files if file.kind is FileKind.TEXT and file.action is not Action.DELETED]
    gate = asyncio.Semaphore(_READ_AT_ONCE)

    async def read(path: str) -> bytes | None:
        async with gate:
            return await source.file(path, At.HEAD)

    contents = await asyncio.gather(*(read(path) for path in wanted))
    return {path: text_of(data) for path, data in zip(wanted, contents, strict=True) if data is not None}


def _with_hidden_secrets(files: Sequence[FileDiff]) -> tuple[tuple[FileDiff, ...], int]:
    total = 0
    shown: list[FileDiff] = []
    for file in files:
        hunks: list[Hunk] = []
        for hunk in file.hunks:
            safe, count = _hidden(hunk)
            hunks.append(safe)
            total += count
        shown.append(replace(file, hunks=tuple(hunks)))
    return tuple(shown), total


def _hidden(hunk: Hunk) -> tuple[Hunk, int]:
    text, count = redact_secrets("\n".join(line.text for line in hunk.lines))
    if not count:
        return hunk, 0
    lines = tuple(replace(line, text=new) for line, new in zip(hunk.lines, text.split("\n"), strict=True))
    return replace(hunk, lines=lines), count


def _without_secrets(contexts: Mapping[str, FileContext], changed: frozenset[str]) -> dict[str, FileContext]:
    """The surroundings as the model may see them; what the change touches elsewhere says so."""
    return {
        path: replace(
            context,
            pieces=tuple(
                replace(piece, text=redact_secrets(piece.text)[0], why=_why(piece, path, changed))
                for piece in context.pieces
            ),
        )
        for path, context in contexts.items()
    }


def _why(piece: ContextPiece, path: str, changed: frozenset[str]) -> str:
    is_other = piece.path != path and piece.path in changed
    return f"{piece.why}; this file is changed too and reviewed on its own" if is_other else piece.why
