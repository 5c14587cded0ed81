"""The shape of the house: sizes, names, broad catches, patches and start-up, printed and bounded.

Run with `pytest -n0 -s tests/architecture` to see the figures.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mesrai"
MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 40
MOST_P90_FUNCTION_LINES = 30
MOST_PATCHES_PER_TEST = 0.05
NOT_USED = frozenset(
    (
        "manager helper helpers util utils common misc base impl handler processor engine service data info entity"
    ).split()
)
# Where such a word is another's name, or names real data: the folder of dated data files.
ALLOWED_NAMES = frozenset(f"src/mesrai/{package}/data" for package in ("llm", "domain", "analysers", "sandbox"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def body_length(node: Function) -> int:
    """Lines of a function without its docstring and decorators."""
    first = node.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return length(node) - doc


def test_files_stay_within_their_length() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules()}
    print(f"\nfiles: {len(sizes)}, median {median(sizes.values()):.0f}, longest {max(sizes.values())}")
    assert {path: lines for path, lines in sizes.items() if lines > MOST_FILE_LINES} == {}


def test_functions_stay_within_their_length() -> None:
    sizes = {
        f"{path.relative_to(ROOT)}:{node.name}": body_length(node) for path in modules() for node in functions(path)
    }
    p90 = quantiles(sizes.values(), n=10)[-1]
    print(f"\nfunctions: {len(sizes)}, median {median(sizes.values()):.0f}, p90 {p90:.0f}, max {max(sizes.values())}")
    assert {name: lines for name, lines in sizes.items() if lines > MOST_FUNCTION_LINES} == {}
    assert p90 <= MOST_P90_FUNCTION_LINES


def broad_catches(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {"all"}
            if names & {"Exception", "BaseException", "all"}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_the_outermost_loop_of_a_door_catches_every_exception() -> None:
    found = [place for path in modules() for place in broad_catches(path)]
    print(f"\nbroad catches: {found}")
    assert [place.partition(":")[0] for place in found] == ["src/mesrai/worker.py"]


def test_tests_hardly_patch() -> None:
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__)]
    tests = sum(len(re.findall(r"^\s*def test_", text, re.MULTILINE)) for text in texts)
    patches = sum(
        len(re.findall(r"monkeypatch\.(?:setattr|setitem|delattr)|mock\.patch|\bpatch\(", text)) for text in texts
    )
    print(f"\npatches: {patches} in {tests} tests")
    assert patches / max(tests, 1) <= MOST_PATCHES_PER_TEST


def defined_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef | Function):
            yield node.name


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_no_name_says_nothing() -> None:
    places = {
        str(path.relative_to(ROOT)): path.stem for path in [*modules(), *(p for p in SOURCE.rglob("*") if p.is_dir())]
    }
    bad = [place for place, stem in places.items() if words(stem) & NOT_USED and place not in ALLOWED_NAMES]
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and words(node.name) & NOT_USED:
                bad.append(f"{path.relative_to(ROOT)}: class {node.name}")
    assert bad == []


def test_every_module_says_what_it_is_for() -> None:
    without = [
        str(path.relative_to(ROOT)) for path in modules() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert without == []


def test_help_imports_nothing_heavy() -> None:
    heavy = ["aiohttp", "rich", "yaml", "tree_sitter", "msgspec", "asyncio", "httpx2", "pygments"]
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom mesrai.cli.main import cli\n"
        "result = CliRunner().invoke(cli, ['--help'])\nassert result.exit_code == 0, result.output\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    # The test runner of click itself may import tempfile and the like, but none of these.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_floors_and_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
