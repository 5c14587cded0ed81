"""`mesrai rules create` and `mesrai rules update`: write a rule file, checked before it is written."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mesrai.domain.finding import Severity
from mesrai.domain.policy import LANGUAGE_SUFFIXES, Example, Rule, Scope
from mesrai.errors import SettingsError, UserError

if TYPE_CHECKING:
    from mesrai.cli.levels_here import Here

_ANY = "any"
_TOLD = "Reviews of a change check it once it is on the branch that the change goes to. Try it: mesrai rules test"
_INHERITANCE = ("is_inheritable", "exclude", "include")


def _fields(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what a rule is."""
    for option in (
        click.option("--json", "is_json", is_flag=True, help="Print the rule as JSON."),
        click.option("--include", multiple=True, metavar="NAME", help="Shared rules: alone these take it over."),
        click.option("--exclude", multiple=True, metavar="NAME", help="Shared rules: these do not take it over."),
        click.option("--inheritable/--not-inheritable", "is_inheritable", default=None, help="Shared rules: whether "
                     "the levels below take it over. [default: they do]"),
        click.option("--enabled/--disabled", "is_enabled", default=None, help="Whether it is checked."),
        click.option("--bad", multiple=True, type=click.Path(path_type=Path), help="A file with code that breaks it."),
        click.option("--good", multiple=True, type=click.Path(path_type=Path), help="A file with code that keeps it."),
        click.option("--bucket", "buckets", multiple=True, metavar="LABEL", help="A label of your own; repeatable."),
        click.option("--language", "languages", multiple=True, type=click.Choice([*LANGUAGE_SUFFIXES, _ANY]),
                     help="Only for files of this language; repeatable."),
        click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only for these files; repeatable."),
        click.option("--scope", type=click.Choice([str(each) for each in Scope]),
                     help="Single files, or the change as a whole. [default: file]"),
        click.option("--severity", type=click.Choice([str(each) for each in Severity]), help="[default: medium]"),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(
    epilog='Example: mesrai rules create --title "Cents" --rule "Money is in cents." --path "src/billing/**"'
)
@click.option("--title", required=True, help="Its name, shown with findings.")
@click.option("--rule", required=True, metavar="TEXT", help="The requirement in plain words; - is standard input.")
@_fields
@click.option("--name", default="", metavar="NAME", help="The file's name. [default: made from the title]")
@click.option(
    "--shared",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write FOLDER/.mesrai-rules/review/NAME.yml, such as in a checkout of the central repository.",
)
def create(*, name: str, shared: Path | None, is_json: bool, **given: Any) -> None:
    """Write a new rule: .mesrai/rules/NAME.md of this repository, or a shared one. Nothing is overwritten."""
    from mesrai.review.render.rule_text import file_stem

    rule = Rule(**{"title": "", "rule": "", **_given(given)})
    stem = file_stem(name or rule.title)
    if not stem:
        raise click.UsageError("The title has no letters for the name of a file; give one with --name.")
    folder = asyncio.run(_root()) / ".mesrai" / "rules" if shared is None else shared / ".mesrai-rules" / "review"
    place = folder / f"{stem}{'.md' if shared is None else '.yml'}"
    text = _text(rule, place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{place} is there already; change it with `mesrai rules update`, or give --name.") from None
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror}.") from error
    _show(place, f"Written. {_TOLD} {stem}", is_json=is_json)


@click.command(epilog="Example: mesrai rules update cents --severity high --path 'src/**' --path 'lib/**'")
@click.argument("named", metavar="RULE")
@click.option("--title", help="Its name.")
@click.option("--rule", metavar="TEXT", help="The requirement in plain words; - is standard input.")
@_fields
def update(*, named: str, is_json: bool, **given: Any) -> None:
    """Change RULE in its file: only what is given changes; a list that is given takes the place of the old one.

    RULE is a title, a uuid or a file. An empty value, such as --path "", empties a list. The text below the front
    matter stays as it is, unless --rule, --good or --bad change it; comments in the front matter are lost.
    """
    from dataclasses import replace

    from mesrai.cli.rules.finding import rule_in_file

    old, place = rule_in_file(Path(named)), Path(named)
    if old is None:
        old, place = asyncio.run(_found(named))
    changes = _given(given)
    if not changes:
        raise click.UsageError("There is nothing to change: give at least one option.")
    text = _text(replace(old, **changes), place, before="" if {"rule", "examples"} & set(changes) else _read(place))
    _replace(place, text)
    _show(place, "Changed.", is_json=is_json)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The fields that were given, as a Rule has them."""
    kept = {name: value for name, value in options.items() if value not in (None, ()) and name not in ("good", "bad")}
    for name in ("paths", "buckets", "exclude", "include"):
        if name in kept:
            kept[name] = tuple(each for each in kept[name] if each)
    if "languages" in kept:
        kept["languages"] = () if _ANY in kept["languages"] else kept["languages"]
    if "severity" in kept:
        kept["severity"] = Severity(kept["severity"])
    if "scope" in kept:
        kept["scope"] = Scope(kept["scope"])
    if kept.get("rule") == "-":
        kept["rule"] = sys.stdin.read()
    if "rule" in kept:
        kept["rule"] = str(kept["rule"]).strip()
    examples = [(place, False) for place in options["bad"]] + [(place, True) for place in options["good"]]
    if examples:
        kept["examples"] = tuple(
            Example(snippet=_read(place).strip("\n"), is_correct=is_good) for place, is_good in examples
        )
    return kept


def _text(rule: Rule, place: Path, *, before: str = "") -> str:
    """What to write, proven to be read as that rule. Errors: PolicyError, UserError."""
    from dataclasses import replace

    from mesrai.domain.policy_file import read_rule_file, read_shared_rule
    from mesrai.review.render.rule_text import rule_text, with_front

    if place.suffix == ".md":
        if not rule.is_inheritable or rule.exclude or rule.include:
            raise UserError("Only shared rules have --inheritable, --exclude and --include; give --shared FOLDER.")
        text = with_front(rule, before) if before else rule_text(rule)
        read = read_rule_file(text.encode(), str(place))
    else:
        from mesrai.cli.rules.shared_text import shared_rule_text

        text = shared_rule_text(rule)
        read = read_shared_rule(text.encode(), str(place))
    if replace(read, origin="") != replace(rule, origin=""):
        raise UserError(
            "A rule file cannot hold this text as it is: a heading such as `## Examples`, or a fence, would be read as "
            "a part of the file. Put it in other words."
        )
    return text


async def _root() -> Path:
    return (await _here()).root


async def _found(named: str) -> tuple[Rule, Path]:
    """The rule, and the file of this repository that it stands in. Errors: UserError."""
    from mesrai.cli.config.validate import kind_of
    from mesrai.cli.rules.finding import find_rule

    here = await _here()
    found = find_rule(named, here)
    if kind_of(found.file) not in ("rule", "shared_rule") or ":" in found.file or Path(found.file).is_absolute():
        raise UserError(f"This rule stands in {found.rule.origin}; change it there.")
    return found.rule, here.root / found.file


async def _here() -> "Here":
    from mesrai.cli.levels_here import levels_here

    return await levels_here(is_by_files=True)


def _read(place: Path) -> str:
    """Errors: SettingsError."""
    try:
        return place.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{place} cannot be read as text: {error}") from error


def _replace(place: Path, text: str) -> None:
    """Write beside, then move. Errors: UserError, also for what is no regular file."""
    if place.is_symlink() or not place.is_file():
        raise UserError(f"{place} is not a regular file, so nothing was written to it.")
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        beside.write_text(text, "utf-8", newline="\n")
        beside.chmod(place.stat().st_mode & 0o777)
        beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(f"{place} cannot be written: {error.strerror}.") from error


def _show(place: Path, told: str, *, is_json: bool) -> None:
    from mesrai.cli.look import look_for, write_text
    from mesrai.cli.rules.finding import rule_in_file
    from mesrai.cli.rules.text import rule_json, rule_sheet

    rule = rule_in_file(place)
    if rule is None:
        raise UserError(f"{place} is no place of a rule.")
    if is_json:
        write_text(sys.stdout, rule_json(rule))
    else:
        write_text(sys.stdout, rule_sheet(rule, told, look_for(sys.stdout, os.environ)))
