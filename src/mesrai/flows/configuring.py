"""See and change what is saved for the organisation, a repository or a folder, with all that holds there beside it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mesrai.domain.policy import Policy, Rule
from mesrai.domain.policy_levels import (
    Layer,
    Level,
    Merged,
    Origin,
    Scene,
    excluded_at,
    holds,
    merged,
    plain_title,
    rules_of,
)
from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.saved_policy import (
    Place,
    Saved,
    changed,
    checked,
    folder_of,
    listing,
    scalar,
    seal_of,
    title_of,
    with_rules,
)
from mesrai.domain.yaml_lines import Node, Table
from mesrai.errors import AccessDenied, ForgeError, PolicyError, SettingsError, SourceError, UserError
from mesrai.flows.configured import FindCentral
from mesrai.flows.connect_forge import repository_named
from mesrai.forges.forge import Files
from mesrai.review.levels import Levels, read_levels
from mesrai.store.configurations import (
    Configuration,
    add_folder,
    change_configuration,
    configurations,
    find_configuration,
    remove_folder,
)
from mesrai.store.database import Database

_MOST_WAIT_S: Final = 6.0  # for the code host, while somebody waits for the page
_NOWHERE: Final = RepositoryName(forge="", owner="", name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need, and on whose behalf they are told."""

    database: Database
    organisation: str
    who: str
    files: Callable[[str], Awaitable[Files]]  # of a repository's default branch. Errors: ForgeError, SettingsError
    central: FindCentral | None = None
    central_name: str = ""  # its `owner/name`; empty: there is none

    def refuse_if_central(self) -> None:
        """Errors: AccessDenied if a central repository says what holds, so that nothing is changed here."""
        if self.central_name:
            raise AccessDenied(
                f"The central repository {self.central_name} configures the reviews; change it there, by a commit."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShown:
    """A rule as it stands at a place."""

    rule: Rule
    level: Level
    is_saved: bool  # on the pages; else it is in a file
    is_here: bool  # at this very level, not above it
    is_excluded: bool  # by its title, at this level
    is_checked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What holds at a place."""

    place: Place
    text: str  # what is saved there
    changed_at: float  # 0: never
    changed_by: str
    folders: Sequence[str]  # of the repository, that are configured here
    policy: Policy
    origins: Mapping[str, Origin]  # by key
    inherited: Mapping[str, Origin]  # what would hold without what is saved there
    given: Mapping[str, Any]  # the values that are saved there, by key
    rules: Sequence[RuleShown]
    files: Sequence[str] = ()  # in git, that say something too
    problems: Sequence[str] = ()  # why reviews cannot be done
    notices: Sequence[str] = ()


class NoFiles:
    """A repository in which nothing is configured, or of which nothing is known. See Files."""

    name = ""

    async def file(self, path: str) -> bytes | None:  # noqa: ARG002 - as Files has it
        """See Files."""
        return None

    async def below(self, folder: str) -> Sequence[str]:  # noqa: ARG002 - as Files has it
        """See Files."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read."""

    levels: Levels
    problems: Sequence[str] = ()
    notices: Sequence[str] = ()


async def look_at(desk: Desk, place: Place) -> View:
    """What holds at a place, from what is saved and from the files as far as they can be read now.

    Errors: StoreUnavailable; UserError for a repository's name that is none.
    """
    kept = await configurations(desk.database, desk.organisation, place.repository)
    found = await _levels(desk, place, _saved(kept, place))
    levels = found.levels
    made = merged(levels.layers, levels.scene)
    here = next((each for each in kept if (each.repository, each.folder) == _key(place)), None)
    return View(
        place=place,
        text=here.text if here else "",
        changed_at=here.changed_at if here else 0.0,
        changed_by=here.changed_by if here else "",
        folders=[each.folder for each in kept if each.repository and each.folder],
        policy=made.policy,
        origins=_by_key(made),
        inherited=_by_key(merged([each for each in levels.layers if not _is_at(each, place)], levels.scene)),
        given={key: value for each in levels.layers if _is_at(each, place) for key, (value, _) in each.values.items()},
        rules=_rules(levels, place),
        files=[layer.file for layer in levels.layers if layer.file and not layer.is_saved],
        problems=found.problems,
        notices=[*found.notices, *made.policy.notices],
    )


async def change_values(desk: Desk, place: Place, changes: Mapping[str, Node | None]) -> bool:
    """Set keys of what is saved, or have them follow the level above; False if nothing changed.

    Errors: PolicyError, AccessDenied, StoreUnavailable.
    """
    return await _change(desk, place, lambda text: changed(text, changes))


async def put_text(desk: Desk, place: Place, text: str, *, seen: str) -> bool:
    """Save a whole text, if what is there still has the seal that the person saw; False if nothing changed.

    Errors: PolicyError with the line; UserError if somebody else was quicker; AccessDenied, StoreUnavailable.
    """

    def change(before: str) -> str:
        if seal_of(before) != seen:
            raise UserError("Somebody changed it meanwhile. Load the page again, and repeat what you changed.")
        return checked(text) if text.strip() else ""

    return await _change(desk, place, change)


async def put_rule(desk: Desk, place: Place, rule: Table, *, was: str) -> None:
    """Save a rule in the place of the one that was called `was`; a new one where that is empty. Errors: as above."""

    def change(rules: Sequence[Node]) -> Sequence[Node]:
        others = [each for each in rules if title_of(each) != was]
        if was and len(others) == len(rules):
            raise UserError(f"The rule “{was}” is not there any more.")
        if any(plain_title(title_of(each)) == plain_title(title_of(rule)) for each in others):
            raise UserError(f"There is a rule “{title_of(rule)}” here already.")
        return [rule if title_of(each) == was else each for each in rules] if was else [*rules, rule]

    await _change(desk, place, lambda text: with_rules(text, change))


async def remove_rule(desk: Desk, place: Place, title: str) -> None:
    """Delete a rule that is saved there. Errors: UserError if there is none; AccessDenied, StoreUnavailable."""
    await _change_rule(desk, place, title, lambda _: None)


async def switch_rule(desk: Desk, place: Place, title: str, *, is_enabled: bool) -> None:
    """Have a rule that is saved there checked or not. Errors: as of `remove_rule`."""

    def change(rule: Table) -> Table:
        kept = tuple(pair for pair in rule.pairs if not _is_enabled(pair))
        switched = () if is_enabled else ((scalar("enabled", is_plain=True), scalar("false", is_plain=True)),)
        return replace(rule, pairs=(*kept, *switched))

    await _change_rule(desk, place, title, change)


async def exclude_rule(desk: Desk, place: Place, title: str, *, is_excluded: bool) -> None:
    """Have a rule from above not be checked at this level, or take it over again. Errors: as of `change_values`."""
    if not place.repository:
        raise UserError("Nothing is above the organisation: switch the rule off, or delete it.")
    view = await find_configuration(desk.database, desk.organisation, place)
    named = _excluded(view.text if view else "", place)
    kept = [each for each in named if plain_title(each) != plain_title(title)]
    titles = [*kept, title] if is_excluded else kept
    await change_values(desk, place, {"excludedRules": listing(titles) if titles else None})


async def configure_folder(desk: Desk, repository: str, folder: str) -> str:
    """Add a folder that has a configuration of its own; its name. Errors: UserError, AccessDenied, StoreUnavailable."""
    desk.refuse_if_central()
    return await add_folder(
        desk.database, desk.organisation, repository, lambda others: folder_of(folder, others), who=desk.who
    )


async def forget_folder(desk: Desk, place: Place) -> None:
    """Have the repository's configuration hold in a folder again. Errors: as of `configure_folder`."""
    desk.refuse_if_central()
    await remove_folder(desk.database, desk.organisation, place, who=desk.who)


async def _change(desk: Desk, place: Place, change: Callable[[str], str]) -> bool:
    desk.refuse_if_central()
    if place.folder and await find_configuration(desk.database, desk.organisation, place) is None:
        raise UserError(f"{place.folder} is not configured: add it first.")
    return await change_configuration(desk.database, desk.organisation, place, change, who=desk.who)


async def _change_rule(desk: Desk, place: Place, title: str, change: Callable[[Table], Table | None]) -> None:
    def each(rules: Sequence[Node]) -> Sequence[Node]:
        found = next((rule for rule in rules if title_of(rule) == title), None)
        if not isinstance(found, Table):
            raise UserError(f"There is no rule “{title}” here.")
        made = change(found)
        at = list(rules).index(found)
        return [*rules[:at], *([] if made is None else [made]), *rules[at + 1 :]]

    await _change(desk, place, lambda text: with_rules(text, each))


def _is_enabled(pair: tuple[Node, Node]) -> bool:
    return Table(pairs=(pair,), line=1).find("enabled") is not None


def _excluded(text: str, place: Place) -> Sequence[str]:
    layers = _saved_at(place, text).layers(place.repository, place.folder, place.level)
    return [title for layer in layers for title in layer.values.get("excludedRules", ((), 0))[0]]


def _saved_at(place: Place, text: str) -> Saved:
    if place.folder:
        return Saved(folders={place.folder: text})
    return Saved(repository=text, folders={}) if place.repository else Saved(organisation=text, folders={})


def _saved(kept: Sequence[Configuration], place: Place) -> Saved:
    texts = {(each.repository, each.folder): each.text for each in kept}
    name = place.repository.lower()
    # A folder that is looked at counts as configured, also while nothing is said for it.
    folders = {place.folder: texts.get((name, place.folder), "") or "{}"} if place.folder else {}
    return Saved(
        organisation=texts.get(("", ""), ""), repository=texts.get((name, ""), "") if name else "", folders=folders
    )


async def _levels(desk: Desk, place: Place, saved: Saved) -> _Found:
    """All layers; those of git are left out, and that is told, where they cannot be read."""
    paths = [f"{place.folder}/file"] if place.folder else []
    name = repository_named(place.repository) if place.repository else _NOWHERE
    try:
        async with asyncio.timeout(_MOST_WAIT_S):
            central = None if desk.central is None else await desk.central(name)
            own = await desk.files(place.repository) if place.repository else NoFiles()
            return _Found(levels=await read_levels(own, central, place.repository, paths, saved))
    except (ForgeError, SourceError, SettingsError) as error:
        why = error.message.partition("\n")[0]
    except TimeoutError:
        why = "The code host took too long to answer."
    except PolicyError as error:
        return _Found(levels=await _without_git(place, paths, saved), problems=(error.message,))
    notices = (f"What the files in git say is not known now: {why}",)
    try:
        return _Found(levels=await read_levels(NoFiles(), None, place.repository, paths, saved), notices=notices)
    except PolicyError as error:
        return _Found(levels=_nothing(place), notices=notices, problems=(error.message,))


async def _without_git(place: Place, paths: Sequence[str], saved: Saved) -> Levels:
    """What is saved, if that is not what cannot be used."""
    try:
        return await read_levels(NoFiles(), None, place.repository, paths, saved)
    except PolicyError:
        return _nothing(place)


def _nothing(place: Place) -> Levels:
    return Levels(scene=Scene(repository=place.repository, folder=place.folder), layers=())


def _is_at(layer: Layer, place: Place) -> bool:
    """Whether the layer is what is saved for the place itself."""
    return layer.is_saved and layer.level is place.level


def _by_key(made: Merged) -> Mapping[str, Origin]:
    return {origin.key: origin for origin in made.origins if origin.key not in ("rules", "memories")}


def _rules(levels: Levels, place: Place) -> Sequence[RuleShown]:
    scene = levels.scene
    excluded = excluded_at(levels.layers, scene)
    return [_shown(rule, layer, scene, place, excluded) for layer in levels.layers for rule in rules_of(layer)]


def _shown(rule: Rule, layer: Layer, scene: Scene, place: Place, excluded: frozenset[str]) -> RuleShown:
    is_here = layer.level is place.level
    is_excluded = not is_here and plain_title(rule.title) in excluded
    # For the organisation there is no one repository in which it would be checked: what counts is whether it is on.
    is_checked = rule.is_enabled if not place.repository else holds(rule, layer.level, scene) and not is_excluded
    return RuleShown(
        rule=rule,
        level=layer.level,
        is_saved=layer.is_saved,
        is_here=is_here,
        is_excluded=is_excluded,
        is_checked=is_checked,
    )


def _key(place: Place) -> tuple[str, str]:
    return place.repository.lower(), place.folder
