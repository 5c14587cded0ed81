import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from mesrai.analysers.program import Ran, bytes_for_copy, find_needed_program, find_program, run_program
from mesrai.errors import AnalyserError

PYTHON = Path(sys.executable)


def ran(code: str, files: dict[str, bytes] | None = None, **limits: float) -> Ran:
    """What a Python program does in the folder it is given."""
    return asyncio.run(run_program(PYTHON, ["-I", "-c", code], files or {}, **limits))  # type: ignore[arg-type]


def test_program_runs_in_a_private_folder_that_holds_its_files_and_is_gone_afterwards() -> None:
    code = "import os; print(os.getcwd(), oct(os.stat('.').st_mode)[-3:], open('a/b.txt').read(), os.listdir('.'))"
    folder, *said = ran(code, {"a/b.txt": b"text"}).output.decode().split()
    assert said == ["700", "text", "['a']"]
    assert not Path(folder).exists()


def test_program_sees_nothing_of_our_environment() -> None:
    os.environ["MESRAI_TEST_KEY"] = "hidden"
    try:
        names = ran("import os; print(sorted(os.environ))").output.decode()
    finally:
        del os.environ["MESRAI_TEST_KEY"]
    expected = {"HOME", "LANG", "LC_ALL", "NO_COLOR", "PATH", "TMPDIR"}
    assert set(eval(names)) - {"LC_CTYPE"} == expected


def test_end_and_complaint_of_a_program_are_told_in_one_line() -> None:
    result = ran("import sys; print('out'); print('a\\n  b', file=sys.stderr); sys.exit(3)")
    assert result == Ran(code=3, output=b"out\n", complaint="a b")


def test_complaint_never_holds_a_secret() -> None:
    token = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
    assert token not in ran(f"import sys; sys.exit('bad key {token}')").complaint


def test_program_that_does_not_end_is_killed_with_all_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-I', '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    with pytest.raises(AnalyserError, match=r"did not end within 0\.5 seconds"):
        ran(code, time_limit_s=0.5)
    assert is_gone(int(mark.read_text()))


def test_cancelling_kills_the_program_and_removes_its_folder(tmp_path: Path) -> None:
    mark = tmp_path / "where"
    code = f"import os, time; open({str(mark)!r}, 'w').write(f'{{os.getpid()}} {{os.getcwd()}}'); time.sleep(60)"

    async def cancelled() -> None:
        task = asyncio.create_task(run_program(PYTHON, ["-I", "-c", code], {"a": b""}))
        while not (mark.exists() and mark.read_text()):  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    pid, folder = mark.read_text().split()
    assert is_gone(int(pid))
    assert not Path(folder).exists()


def test_program_that_says_too_much_is_stopped() -> None:
    with pytest.raises(AnalyserError, match="said more than 100 KiB"):
        ran("while True: print('x' * 1000)", output_limit=100 * 1024)


def test_program_that_floods_its_standard_error_still_ends() -> None:
    assert ran("import sys; sys.stderr.write('x' * 5_000_000); print('done')").output == b"done\n"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_program_cannot_take_all_memory() -> None:
    assert ran("import time; time.sleep(0.2); x = bytearray(3 * 1024**3)").code != 0


def test_program_that_cannot_start_is_an_analyser_error() -> None:
    with pytest.raises(AnalyserError, match="nothing did not start: No such file"):
        asyncio.run(run_program(Path("/no/such/nothing"), [], {}))


def test_wheels_programs_are_found_beside_python() -> None:
    assert find_program("ruff") == Path(sys.executable).parent / "ruff"
    with pytest.raises(AnalyserError, match="no-such-program was not found"):
        find_needed_program("no-such-program")


def test_copies_have_the_lines_that_git_counts() -> None:
    assert bytes_for_copy("a\r\nb\rc\n\ud800é") == "a\nb c\n?é".encode()


def is_gone(pid: int) -> bool:
    """Whether the process has ended, or ends within a second."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False
