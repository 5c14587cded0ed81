import asyncio
from collections.abc import Mapping, Sequence

from mesrai.analysers.analyser import Analyser
from mesrai.analysers.ruff import Ruff
from mesrai.analysers.run import MAX_FILE_CHARS, AnalyserFailure, Analysis, run_analysers
from mesrai.analysers.secrets import Secrets
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.errors import AnalyserError

TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"


class Scripted:
    """An analyser that calls line 1 of every file bad, and fails whenever it is given a file named as told."""

    def __init__(self, name: str, fails_on: str = "", message: str = "bad") -> None:
        self.name = name
        self.runs: list[list[str]] = []
        self._fails_on = fails_on
        self._message = message

    def covers(self, path: str) -> bool:
        return not path.endswith(".txt")

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        self.runs.append(list(files))
        await asyncio.sleep(0)
        if any(self._fails_on and self._fails_on in path for path in files):
            raise AnalyserError(f"{self.name} fell over")
        return [a_diagnostic(path, self.name, self._message) for path in files]


def a_diagnostic(path: str, analyser: str, message: str = "bad") -> Diagnostic:
    return Diagnostic(
        analyser=analyser,
        code="x1",
        path=path,
        start_line=1,
        end_line=1,
        message=message,
        severity=Severity.LOW,
        category=Category.BUG,
    )


def analysed(files: Mapping[str, str], *analysers: Analyser) -> Analysis:
    return asyncio.run(run_analysers(analysers, files))


def test_each_analyser_gets_the_files_it_covers() -> None:
    one = Scripted("one")
    assert analysed({"b.py": "", "a.txt": "", "a.py": ""}, one) == Analysis(
        diagnostics=(a_diagnostic("a.py", "one"), a_diagnostic("b.py", "one")), failures=()
    )
    assert one.runs == [["b.py", "a.py"]]


def test_analyser_without_files_is_not_run() -> None:
    one = Scripted("one")
    assert analysed({"a.txt": ""}, one) == Analysis(diagnostics=(), failures=())
    assert one.runs == []


def test_failure_is_told_with_its_file_and_silences_neither_other_files_nor_other_analysers() -> None:
    result = analysed({"a.py": "", "bad.py": ""}, Scripted("one", fails_on="bad"), Scripted("two"))
    assert result.failures == (AnalyserFailure(analyser="one", message="one fell over", paths=("bad.py",)),)
    assert [(each.path, each.analyser) for each in result.diagnostics] == [("a.py", "one"), ("bad.py", "two")]


def test_analyser_that_always_fails_is_told_once_for_all_files() -> None:
    result = analysed({"a.py": "", "b.py": ""}, Scripted("one", fails_on="py"))
    assert result == Analysis(
        diagnostics=(),
        failures=(AnalyserFailure(analyser="one", message="one fell over", paths=("a.py", "b.py")),),
    )


def test_too_large_a_file_is_told_and_not_run() -> None:
    one = Scripted("one")
    result = analysed({"a.py": "", "large.py": "x" * (MAX_FILE_CHARS + 1)}, one)
    assert result.failures == (
        AnalyserFailure(analyser="one", message="larger than 1,000,000 characters", paths=("large.py",)),
    )
    assert one.runs == [["a.py"]]


def test_what_two_say_with_one_code_about_one_line_is_kept_from_the_first() -> None:
    result = analysed({"a.py": ""}, Scripted("one"), Scripted("two"))
    assert result.diagnostics == (a_diagnostic("a.py", "one"),)


def test_message_never_holds_a_secret() -> None:
    result = analysed({"a.py": ""}, Scripted("one", message=f"do not write {TOKEN} here"))
    assert result.diagnostics[0].message == "do not write [redacted: a GitHub token] here"


def test_hardcoded_password_is_told_by_one_analyser_only() -> None:
    result = analysed({"a.py": f"password = '{TOKEN}'\n"}, Ruff(), Secrets())
    assert [each.code for each in result.diagnostics] == ["github-token"]
