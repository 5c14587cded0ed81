"""The files that a rendering shows code of: those with a finding, read once from where the change was read."""

from collections.abc import Mapping
from dataclasses import dataclass

from mesrai.domain.change import At, Change
from mesrai.domain.diff import Side
from mesrai.domain.file_text import text_of
from mesrai.domain.review import Review
from mesrai.forges.forge import Source
from mesrai.review.render.code import Lines, lines_in


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesShown:
    """The files with a finding."""

    heads: Mapping[str, bytes]  # path → the new file as it was reviewed
    lines: Lines  # the same, and the old files where a finding is about one, by lines


async def read_files_shown(review: Review, change: Change, source: Source) -> FilesShown:
    """Read every file with a finding; one that cannot be had is left out. Errors: SourceError."""
    paths = dict.fromkeys(finding.path for finding in review.findings if finding.side is Side.NEW)
    before = {file.path: file.base_path for file in change.files}
    old_paths = dict.fromkeys(finding.path for finding in review.findings if finding.side is Side.OLD)
    heads = {path: await source.file(path, At.HEAD) for path in paths}
    bases = {path: await source.file(before.get(path, path), At.BASE) for path in old_paths}
    return FilesShown(
        heads={path: data for path, data in heads.items() if data is not None},
        lines=lines_in(_texts(heads), _texts(bases)),
    )


def _texts(files: Mapping[str, bytes | None]) -> dict[str, str]:
    return {path: text_of(data) for path, data in files.items() if data is not None}
