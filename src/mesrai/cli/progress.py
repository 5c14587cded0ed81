"""What a running review shows on stderr: a live line at a terminal, sparse lines for --verbose elsewhere."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from mesrai.cli.look import write_text
from mesrai.cli.standing import Clock, Standing, sentence, step
from mesrai.review.progress import Event, Watch, unwatched
from mesrai.review.render.wording import seconds_text


@contextmanager
def progress_for(
    *,
    is_quiet: bool = False,
    is_verbose: bool = False,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock = time.monotonic,
) -> Iterator[Watch]:
    """Watch a review for as long as the block runs, on stderr if no other stream is given.

    The live line is gone afterwards; what had to be said stays above it.
    """
    stream = sys.stderr if stream is None else stream
    environ = os.environ if environ is None else environ
    if is_quiet:
        yield unwatched
    elif stream.isatty() and environ.get("TERM") != "dumb":
        from mesrai.cli.live_line import LiveLine

        with LiveLine(stream, environ, clock) as live:
            yield live.watch
    elif is_verbose:
        yield _plain_lines(stream, clock)
    else:
        yield unwatched


def _plain_lines(stream: TextIO, clock: Clock) -> Watch:
    standing = Standing()
    began = clock()

    def watch(event: Event) -> None:
        standing.take(event)
        said = [each for each in (step(event), sentence(event)) if each]
        if said:
            elapsed = seconds_text(clock() - began)
            write_text(stream, "".join(f"mesrai: [{elapsed}] {each}\n" for each in said))

    return watch
