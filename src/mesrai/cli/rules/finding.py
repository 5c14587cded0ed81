"""Find a rule by its title, its uuid or its file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mesrai.cli.config.validate import kind_of
from mesrai.cli.levels_here import Here
from mesrai.domain.policy import Rule
from mesrai.domain.policy_file import read_rule_file, read_shared_rule
from mesrai.domain.policy_levels import Level, holds, plain_title, rules_of, rules_that_hold
from mesrai.errors import SettingsError, UserError

_MOST_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A rule, and whether a review checks it."""

    rule: Rule
    level: Level
    unused: str = ""  # why no review checks it here; empty: it is checked

    @property
    def file(self) -> str:
        """Where it stands, without the line."""
        return self.rule.origin.rpartition(":")[0]


def listed(here: Here) -> list[Listed]:
    """All rules of all levels, the most specific last."""
    levels = here.levels
    checked = {id(rule) for rule, _ in rules_that_hold(levels.layers, levels.scene)}
    found = []
    for layer in levels.layers:
        for rule in rules_of(layer):
            unused = "" if id(rule) in checked else _why(rule, layer.level, here)
            found.append(Listed(rule=rule, level=layer.level, unused=unused))
    return found


def _why(rule: Rule, level: Level, here: Here) -> str:
    if not rule.is_enabled:
        return "switched off"
    return "excluded here" if holds(rule, level, here.levels.scene) else "not inherited here"


def find_rule(named: str, here: Here) -> Listed:
    """The rule that is meant. Errors: UserError if there is none, or more than one."""
    found = listed(here)
    title = plain_title(named)
    matches = [each for each in found if named and named in (each.rule.uuid, each.file, Path(each.file).stem)]
    matches = matches or [each for each in found if plain_title(each.rule.title) == title]
    matches = matches or [each for each in found if title and title in plain_title(each.rule.title)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        places = ", ".join(each.rule.origin for each in matches[:5])
        raise UserError(f"“{named}” may be one of {len(matches)} rules: {places}. Name the file.")
    raise UserError(f"There is no rule “{named}” here. `mesrai rules list` shows what there is.")


def rule_in_file(place: Path) -> Rule | None:
    """The rule of a file that was named; None if it is no file of a rule. Errors: PolicyError, SettingsError."""
    kind = kind_of(Path(os.path.abspath(place)).as_posix())  # noqa: PTH100 - no link is followed
    if kind not in ("rule", "shared_rule") or not place.is_file():
        return None
    try:
        with place.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise SettingsError(f"{place} cannot be read: {error.strerror}.") from error
    return (read_rule_file if kind == "rule" else read_shared_rule)(content, str(place))
