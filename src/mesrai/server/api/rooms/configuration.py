"""What reviews are configured by: each value with its origin, the rules, and what is saved at each level."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from mesrai.domain.policy_levels import Level, Origin
from mesrai.domain.roles import Right
from mesrai.domain.saved_policy import Place, seal_of
from mesrai.domain.yaml_lines import Node, Table, YamlProblem, read_yaml
from mesrai.flows import configuring
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import Instant, Name, RepositoryName, Sent, Shape
from mesrai.server.api.problems import ApiError, Code

_TAG: Final = "configuration"
_BREAKS: Final = {"\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}  # which end a line in YAML, but not in JSON
_Folder = Annotated[str, msgspec.Meta(max_length=300, description="Of the repository; empty: all of it.")]
_RULE: Final = "As a rule of the policy file: `title`, `rule`, `severity`, `scope`, `paths`, `languages`, …"


class ValueShown(Shape, frozen=True, kw_only=True):
    """One key, and where its value comes from."""

    key: str
    value: Any
    level: Level
    where: Annotated[str, msgspec.Meta(description="The file and line, or what is saved here; empty for a default.")]
    is_saved: bool


class RuleShown(Shape, frozen=True, kw_only=True):
    """A rule as it stands at a level."""

    title: str
    rule: str
    severity: str
    scope: str
    paths: list[str]
    languages: list[str]
    level: Level
    origin: str
    is_enabled: bool
    is_saved: Annotated[bool, msgspec.Meta(description="False: it is in a file in git.")]
    is_here: Annotated[bool, msgspec.Meta(description="False: it comes from a level above.")]
    is_excluded: bool
    is_checked: bool


class ConfigurationShown(Shape, frozen=True, kw_only=True):
    """What holds at a level."""

    repository: str
    folder: str
    level: Level
    text: Annotated[str, msgspec.Meta(description="What is saved at this level, as in a policy file.")]
    seal: Annotated[str, msgspec.Meta(description="Of the text; it goes with a new one, as `seen`.")]
    changed_at: Instant | None
    changed_by: str
    folders: list[str]
    files: list[str]
    values: list[ValueShown]
    rules: list[RuleShown]
    problems: Annotated[list[str], msgspec.Meta(description="Why reviews cannot be done.")]
    notices: list[str]


class RuleList(Shape, frozen=True, kw_only=True):
    """The rules at a level, and those from above."""

    items: list[RuleShown]


class PlaceQuery(Sent, frozen=True, kw_only=True):
    """Which level is meant: the organisation, a repository, or a folder of one."""

    repository: RepositoryName = ""
    folder: _Folder = ""


class RuleQuery(PlaceQuery, frozen=True, kw_only=True):
    """Which rule is meant."""

    title: Name


class PutText(PlaceQuery, frozen=True, kw_only=True):
    """The whole text of a level."""

    text: Annotated[str, msgspec.Meta(max_length=200_000)]
    seen: Annotated[str, msgspec.Meta(max_length=100, description="`seal` of the text that it takes the place of.")]


class PatchValues(PlaceQuery, frozen=True, kw_only=True):
    """Keys as in the policy file, such as `summary.generatePRSummary`; null lets one follow the level above."""

    values: Annotated[dict[Name, Any], msgspec.Meta(min_length=1, max_length=200)]


class PutRule(PlaceQuery, frozen=True, kw_only=True):
    """A rule that is saved at a level."""

    rule: Annotated[dict[str, Any], msgspec.Meta(description=_RULE)]
    replaces: Annotated[str, msgspec.Meta(max_length=300, description="The title of the one it replaces.")] = ""


class SwitchRule(PlaceQuery, frozen=True, kw_only=True):
    """A rule of this level is switched on or off; one from above is excluded here, or taken over."""

    title: Name
    is_enabled: bool | None = None
    is_excluded: bool | None = None


class AddFolder(Sent, frozen=True, kw_only=True):
    """A folder that gets a configuration of its own."""

    repository: Name
    folder: Name


async def show(call: Call) -> ConfigurationShown:
    """GET /configuration."""
    asked = call.read(PlaceQuery)
    return await _shown(call, _place(asked))


async def put_text(call: Call) -> ConfigurationShown:
    """PUT /configuration."""
    asked = call.read(PutText)
    await configuring.put_text(_desk(call, asked), _place(asked), asked.text, seen=asked.seen)
    return await _shown(call, _place(asked))


async def change(call: Call) -> ConfigurationShown:
    """PATCH /configuration."""
    asked = call.read(PatchValues)
    nodes = {key: None if value is None else _node(value) for key, value in asked.values.items()}
    await configuring.change_values(_desk(call, asked), _place(asked), nodes)
    return await _shown(call, _place(asked))


async def add_folder(call: Call) -> ConfigurationShown:
    """POST /configuration/folders."""
    asked = call.read(AddFolder)
    desk = _desk(call, PlaceQuery(repository=asked.repository))
    folder = await configuring.configure_folder(desk, asked.repository, asked.folder)
    return await _shown(call, Place(repository=asked.repository, folder=folder))


async def forget_folder(call: Call) -> None:
    """DELETE /configuration/folders."""
    asked = call.read(PlaceQuery)
    if not asked.repository or not asked.folder:
        raise ApiError(Code.INVALID, "Give `repository` and `folder`.")
    await configuring.forget_folder(_desk(call, asked), _place(asked))


async def list_rules(call: Call) -> RuleList:
    """GET /rules."""
    found = await configuring.look_at(call.house.configuring(call.who), _place(call.read(PlaceQuery)))
    return RuleList(items=[_rule(each) for each in found.rules])


async def put_rule(call: Call) -> RuleList:
    """PUT /rules."""
    asked = call.read(PutRule)
    rule = _node(asked.rule)
    if not isinstance(rule, Table):
        raise ApiError(Code.INVALID, "A rule is an object.")
    await configuring.put_rule(_desk(call, asked), _place(asked), rule, was=asked.replaces)
    return await _rules(call, asked)


async def switch_rule(call: Call) -> RuleList:
    """POST /rules/switch."""
    asked = call.read(SwitchRule)
    if (asked.is_enabled is None) == (asked.is_excluded is None):
        raise ApiError(Code.INVALID, "Give either `is_enabled` or `is_excluded`.")
    desk, place = _desk(call, asked), _place(asked)
    if asked.is_enabled is not None:
        await configuring.switch_rule(desk, place, asked.title, is_enabled=asked.is_enabled)
    elif asked.is_excluded is not None:
        await configuring.exclude_rule(desk, place, asked.title, is_excluded=asked.is_excluded)
    return await _rules(call, asked)


async def remove_rule(call: Call) -> None:
    """DELETE /rules."""
    asked = call.read(RuleQuery)
    await configuring.remove_rule(_desk(call, asked), _place(asked), asked.title)


async def _rules(call: Call, asked: PlaceQuery) -> RuleList:
    found = await configuring.look_at(call.house.configuring(call.who), _place(asked))
    return RuleList(items=[_rule(each) for each in found.rules])


def _desk(call: Call, asked: PlaceQuery) -> configuring.Desk:
    """What changing a level needs. Errors: AccessDenied for one that the caller does not look after."""
    call.refuse_other_repository(asked.repository)
    return call.house.configuring(call.who)


def _place(asked: PlaceQuery) -> Place:
    if asked.folder and not asked.repository:
        raise ApiError(Code.INVALID, "A folder is one of a repository: give both.")
    return Place(repository=asked.repository, folder=asked.folder)


async def _shown(call: Call, place: Place) -> ConfigurationShown:
    view = await configuring.look_at(call.house.configuring(call.who), place)
    return ConfigurationShown(
        repository=place.repository,
        folder=place.folder,
        level=place.level,
        text=view.text,
        seal=seal_of(view.text),
        changed_at=datetime.fromtimestamp(view.changed_at, UTC) if view.changed_at else None,
        changed_by=view.changed_by,
        folders=list(view.folders),
        files=list(view.files),
        values=[_value(each) for each in view.origins.values()],
        rules=[_rule(each) for each in view.rules],
        problems=list(view.problems),
        notices=list(view.notices),
    )


def _value(origin: Origin) -> ValueShown:
    value = msgspec.to_builtins(origin.value)
    if isinstance(origin.value, (set, frozenset)):
        value = sorted(value)
    return ValueShown(key=origin.key, value=value, level=origin.level, where=origin.where, is_saved=origin.is_saved)


def _rule(shown: configuring.RuleShown) -> RuleShown:
    rule = shown.rule
    return RuleShown(
        title=rule.title,
        rule=rule.rule,
        severity=str(rule.severity),
        scope=str(rule.scope),
        paths=list(rule.paths),
        languages=list(rule.languages),
        level=shown.level,
        origin=rule.origin,
        is_enabled=rule.is_enabled,
        is_saved=shown.is_saved,
        is_here=shown.is_here,
        is_excluded=shown.is_excluded,
        is_checked=shown.is_checked,
    )


def _node(value: Any) -> Node:
    """A JSON value as it would be read from a policy file. Errors: ApiError."""
    text = json.dumps(value, ensure_ascii=False)
    for char, escape in _BREAKS.items():
        text = text.replace(char, escape)
    try:
        return read_yaml(text)
    except YamlProblem as problem:
        raise ApiError(Code.INVALID, f"That cannot stand in a policy file: {problem.message}.") from problem


_EDIT: Final = (Code.REFUSED, Code.FORBIDDEN)
OPERATIONS: Final = (
    Operation(
        name="showConfiguration",
        tag=_TAG,
        method="GET",
        path="/configuration",
        needs=Right.SEE_CONFIGURATION,
        told="What holds for the organisation, a repository or a folder, each value with its origin.",
        do=show,
        query=PlaceQuery,
        answer=ConfigurationShown,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="putConfiguration",
        tag=_TAG,
        method="PUT",
        path="/configuration",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Save the whole text of a level.",
        do=put_text,
        body=PutText,
        answer=ConfigurationShown,
        errors=_EDIT,
    ),
    Operation(
        name="changeConfiguration",
        tag=_TAG,
        method="PATCH",
        path="/configuration",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Set single keys of a level, or let them follow the level above.",
        do=change,
        body=PatchValues,
        answer=ConfigurationShown,
        errors=_EDIT,
    ),
    Operation(
        name="addFolder",
        tag=_TAG,
        method="POST",
        path="/configuration/folders",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Give a folder of a repository a configuration of its own.",
        do=add_folder,
        body=AddFolder,
        answer=ConfigurationShown,
        status=201,
        errors=_EDIT,
    ),
    Operation(
        name="forgetFolder",
        tag=_TAG,
        method="DELETE",
        path="/configuration/folders",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Let the repository's configuration hold in a folder again.",
        do=forget_folder,
        query=PlaceQuery,
        status=204,
        errors=_EDIT,
    ),
    Operation(
        name="listRules",
        tag="rules",
        method="GET",
        path="/rules",
        needs=Right.SEE_CONFIGURATION,
        told="List the rules of a level, and those from above.",
        do=list_rules,
        query=PlaceQuery,
        answer=RuleList,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="putRule",
        tag="rules",
        method="PUT",
        path="/rules",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Save a rule at a level, new or in the place of another one.",
        do=put_rule,
        body=PutRule,
        answer=RuleList,
        errors=_EDIT,
    ),
    Operation(
        name="switchRule",
        tag="rules",
        method="POST",
        path="/rules/switch",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Switch a rule of this level on or off, or exclude one from above.",
        do=switch_rule,
        body=SwitchRule,
        answer=RuleList,
        errors=_EDIT,
    ),
    Operation(
        name="removeRule",
        tag="rules",
        method="DELETE",
        path="/rules",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Delete a rule that is saved at a level.",
        do=remove_rule,
        query=RuleQuery,
        status=204,
        errors=_EDIT,
    ),
)
