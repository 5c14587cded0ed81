"""Which files were read, which not, and why."""

from collections.abc import Mapping, Sequence

from mesrai.domain.diff import FileDiff
from mesrai.domain.review import FileCoverage, FileStatus
from mesrai.review.asking import Work


def coverage_of(files: Sequence[FileDiff], works: Sequence[Work]) -> tuple[FileCoverage, ...]:
    """What became of each file that should have been read. A hunk is read if every slice of it was."""
    unread: dict[tuple[str, int], str] = {}
    asked: set[tuple[str, int]] = set()
    for work in works:
        for part in work.batch.parts:
            reason = work.unread(part.file.path)
            for hunk in part.hunk_ids:
                asked.add((part.file.path, hunk))
                if reason:
                    unread[part.file.path, hunk] = reason
    return tuple(_of_file(file, asked, unread) for file in files)


def _of_file(file: FileDiff, asked: set[tuple[str, int]], unread: Mapping[tuple[str, int], str]) -> FileCoverage:
    keys = [(file.path, index) for index in range(len(file.hunks))]
    reasons = [unread.get(key, "" if key in asked else "it was not asked about") for key in keys]
    missing = [reason for reason in reasons if reason]
    if not missing:
        status = FileStatus.REVIEWED
    elif len(missing) < len(keys):
        status = FileStatus.PARTIAL
    else:
        status = FileStatus.FAILED
    return FileCoverage(
        path=file.path,
        status=status,
        reason="; ".join(dict.fromkeys(missing)),
        hunks_read=len(keys) - len(missing),
        hunks=len(keys),
    )
