"""The command run inside the test's own process: as `tests.terminal`, without the time a new process takes."""

import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from tests.terminal import Ran

from mesrai.cli.main import main


def mesrai_here(*arguments: str, cwd: Path, env: Mapping[str, str], stdin: str = "") -> Ran:
    """Run `mesrai` in a folder, with this environment and no other, standard input and output being no terminal."""
    out, err = StringIO(), StringIO()
    with (
        mock.patch.dict("os.environ", env, clear=True),
        mock.patch.object(sys, "argv", ["mesrai", *arguments]),
        mock.patch.object(sys, "stdin", StringIO(stdin)),
        redirect_stdout(out),
        redirect_stderr(err),
        chdir(cwd),
    ):
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
    assert isinstance(code, int)
    return Ran(code=code, out=out.getvalue(), err=err.getvalue())
