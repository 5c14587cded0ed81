"""What a step of a workflow leaves behind: annotations, the summary of the job, outputs, and a SARIF file."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from mesrai import __version__
from mesrai.domain.finding import Severity
from mesrai.domain.review import Review
from mesrai.errors import SettingsError
from mesrai.flows.review_once import Once
from mesrai.review.render.markdown import render_markdown
from mesrai.review.render.markdown_text import plain
from mesrai.review.render.sarif import render_sarif
from mesrai.review.render.untrusted import one_line
from mesrai.review.render.workflow import render_step, workflow_command
from mesrai.settings.workflow import Workflow

NOT_REVIEWED: Final = "not-reviewed"  # what the output `outcome` says where no model read the change
_NOTHING_FOUND: Final = {"findings": "0", "critical": "0", "sarif": ""}
_MOST_LINE: Final = 2_000


def tell(level: str, sentence: str, *, title: str = "Mesrai") -> None:
    """An annotation: `level` is error, warning or notice. Nothing in the sentence can act."""
    click.echo(workflow_command(level, one_line(sentence, _MOST_LINE), title=title))


def tell_nothing_due(workflow: Workflow, reason: str) -> None:
    """Say that this run is no occasion for a review, and why. Errors: SettingsError."""
    tell("notice", reason, title="Mesrai: nothing to review")
    _put_outputs(workflow, {"outcome": NOT_REVIEWED, **_NOTHING_FOUND})


def tell_unreviewed(workflow: Workflow, reason: str, *, outcome: str = NOT_REVIEWED, level: str = "warning") -> None:
    """Say in every place that this is no review, and why. Errors: SettingsError."""
    is_failed = outcome == "failed"
    title = "Mesrai: the review failed" if is_failed else "Mesrai: NOT reviewed"
    tell(level, reason, title=title)
    word = "The review failed" if is_failed else "NOT reviewed"
    _append(workflow.summary_file, f"## Mesrai: {word}\n\n{plain(one_line(reason, _MOST_LINE))}\n")
    _put_outputs(workflow, {"outcome": outcome, **_NOTHING_FOUND})


def tell_review(workflow: Workflow, once: Once, review: Review, *, excuse: str) -> None:
    """Say what the review found; `excuse`: why only static analysers read the change. Errors: SettingsError."""
    if excuse:
        tell("warning", excuse, title="Mesrai: NOT reviewed by a model")
        _append(workflow.summary_file, f"## Mesrai: NOT reviewed by a model\n\n{plain(excuse)}\n")
    click.echo(render_step(review), nl=False)
    _append(workflow.summary_file, render_markdown(review, lines=once.lines))
    found = [str(each.severity) for each in review.findings] + [each.severity for each in review.unanchored]
    outputs = {
        "outcome": NOT_REVIEWED if excuse else str(review.outcome),
        "findings": str(len(found)),
        "critical": str(found.count(str(Severity.CRITICAL))),
        "sarif": "",
    }
    if workflow.inputs.sarif_file is not None:
        _write(workflow.inputs.sarif_file, render_sarif(review, version=__version__))
        outputs["sarif"] = str(workflow.inputs.sarif_file)
    _put_outputs(workflow, outputs)


def _put_outputs(workflow: Workflow, outputs: Mapping[str, str]) -> None:
    """Each value is one line of ours."""
    _append(workflow.output_file, "".join(f"{name}={one_line(value, 4_000)}\n" for name, value in outputs.items()))


def _append(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n" if not text.endswith("\n") else text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    """Write beside under a new name, then move: a link that lies there leads nowhere."""
    beside = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".mesrai-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except OSError as error:
        Path(beside or "-").unlink(missing_ok=True)
        raise SettingsError(f"sarif-file: {path} cannot be written: {error.strerror}") from error
