"""Write the code map of ARCHITECTURE.md from the modules' first sentences: `python -m tests.code_map`."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "mesrai"
PAGE: Final = ROOT / "ARCHITECTURE.md"
BEGIN: Final = "<!-- code map: written by `python -m tests.code_map` -->\n"
END: Final = "<!-- end of the code map -->\n"
_FOLDERS: Final = (
    "domain", "sandbox", "forges", "forges/github", "llm", "store", "jobs", "analysers", "review", "review/code",
    "review/render", "flows", "flows/publishing", "settings", "server", "cli", "cli/byok", "cli/demo",
)  # fmt: skip


def code_map() -> str:
    """The map: a table of the modules at the top, and one for each package."""
    packages = [_table(f"mesrai.{name.replace('/', '.')}", SOURCE / name) for name in _FOLDERS]
    return "\n".join([_table("mesrai", SOURCE), *packages])


def page_with(code_map_: str) -> str:
    """ARCHITECTURE.md with this map in it."""
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{code_map_}\n{END}{tail}"


def _table(name: str, folder: Path) -> str:
    modules = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    rows = "".join(f"| `{path.name}` | {_sentence(path)} |\n" for path in modules)
    purpose = _sentence(folder / "__init__.py")
    return f"**`{name}`**: {purpose}\n\n| module | what it is for |\n|---|---|\n{rows}"


def _sentence(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n", 1)[0]


if __name__ == "__main__":
    PAGE.write_text(page_with(code_map()), "utf-8")
