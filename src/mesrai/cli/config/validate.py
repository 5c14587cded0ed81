"""`mesrai config validate`: every problem of policy, rule and memory files, with its line."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import click

from mesrai.cli.exits import Exit
from mesrai.errors import PolicyError, SettingsError

_MOST_BYTES: Final = 4 * 1024 * 1024
_POLICY: Final = "mesrai-config.yml"
_KINDS: Final[Mapping[str, str]] = {
    "policy": "policy file",
    "rule": "rule file",
    "shared_rule": "shared rule",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in one file."""

    file: str
    kind: str  # one of _KINDS
    problems: Sequence[tuple[int, str]]


@click.command(epilog="Example: mesrai config validate mesrai-config.yml .mesrai/rules/*.md")
@click.argument("files", nargs=-1, type=click.Path(), metavar="[FILES]...")
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def validate(files: tuple[str, ...], is_json: bool) -> None:
    """Check files: mesrai-config.yml of any folder, .mesrai/rules/*.md, .mesrai-rules/review and memories/*.yml.

    Without FILES: all of these in the repository. No key and no network is needed.

    \b
    Exit codes
      0  all can be used     2  there is a problem; each is told with file and line
    """
    checked = [_check(name, _read(name)) for name in files] if files else asyncio.run(_check_repository())
    if is_json:
        from mesrai.cli.usage_text import json_text

        click.echo(json_text({"files": [_plain(each) for each in checked]}), nl=False)
    else:
        _tell(checked)
    sys.exit(Exit.USAGE if any(each.problems for each in checked) else Exit.FINE)


def kind_of(path: str) -> str:
    """What a file is by its name; empty if it is none of ours."""
    pure = PurePosixPath(path)
    folders = pure.parts[:-1]
    if pure.name == _POLICY:
        return "policy"
    if pure.suffix == ".md" and ("rules" in folders and ".mesrai" in folders):
        return "rule"
    if pure.suffix in (".yml", ".yaml") and ".mesrai-rules" in folders[:-1]:
        return {"review": "shared_rule", "memories": "memory"}.get(folders[folders.index(".mesrai-rules") + 1], "")
    return ""


def _read(name: str) -> bytes:
    """Errors: SettingsError."""
    try:
        with Path(name).open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}.") from error


async def _check_repository() -> list[Checked]:
    """Every file of ours in the repository, and whether folders that are configured lie in one another."""
    from mesrai.domain.change import At
    from mesrai.domain.selection import Selection
    from mesrai.wiring import local_source

    async with local_source(Path.cwd(), Selection()) as source:
        paths = [path for path in await source.tree.paths() if kind_of(path)]
        checked = [_check(path, await source.file(path, At.HEAD) or b"") for path in paths]
    nested = dict(_nested([path for path in paths if path.endswith(f"/{_POLICY}")]))
    return [
        Checked(file=each.file, kind=each.kind, problems=(*each.problems, *nested.get(each.file, ())))
        for each in checked
    ]


def _nested(files: Sequence[str]) -> Iterator[tuple[str, Sequence[tuple[int, str]]]]:
    folders = {str(PurePosixPath(file).parent) for file in files}
    for file in files:
        for outer in PurePosixPath(file).parent.parents:
            if str(outer) in folders:
                yield file, [(1, f"the folder lies in {outer}, which is configured too; take one of the two away")]


def _check(file: str, content: bytes) -> Checked:
    """Read it as a review would."""
    from mesrai.domain.policy_file import read_memory_file, read_policy, read_rule_file, read_shared_rule

    readers: Mapping[str, Callable[[], Any]] = {
        "policy": lambda: read_policy(content, file=file),
        "rule": lambda: read_rule_file(content, file),
        "shared_rule": lambda: read_shared_rule(content, file),
        "memory": lambda: read_memory_file(content, file),
    }
    kind = kind_of(Path(file).absolute().as_posix()) or ("rule" if file.endswith(".md") else "policy")
    try:
        readers[kind]()
    except PolicyError as error:
        return Checked(file=file, kind=kind, problems=error.problems)
    return Checked(file=file, kind=kind, problems=())


def _plain(checked: Checked) -> dict[str, Any]:
    problems = [{"line": line, "problem": text} for line, text in checked.problems]
    return {"file": checked.file, "kind": checked.kind, "problems": problems}


def _tell(checked: Sequence[Checked]) -> None:
    from mesrai.review.render.untrusted import one_line, shown_path

    for each in checked:
        for line, text in each.problems:
            click.echo(f"{shown_path(each.file)}:{line}: {one_line(text, 400)}")
        if not each.problems:
            click.echo(f"{shown_path(each.file)}: a {_KINDS[each.kind]} without problems")
    if not checked:
        click.echo("There is nothing to check: no mesrai-config.yml, no rules and no memories in files.")
