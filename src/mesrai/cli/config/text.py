"""A configuration with its origins, as a table and as JSON."""

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from mesrai.cli.levels_here import Here
from mesrai.cli.usage_text import json_text
from mesrai.domain.policy_levels import Level, Merged, Origin
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.untrusted import one_line, shown_path

_OWN_LINES: Final = ("rules", "memories")  # keys whose items have their own origins
_MOST_VALUE: Final = 48  # characters in the table


def config_sheet(here: Here, made: Merged, look: Look) -> str:
    """One line for each key, rule and memory."""
    sheet = Sheet(look)
    scene = here.levels.scene
    files = [layer.file for layer in here.levels.layers if layer.file]
    place = f"{here.repository}, folder {shown_path(scene.folder)}" if scene.folder else here.repository
    read = f"read from {', '.join(shown_path(file) for file in files)}" if files else "no policy file: defaults hold"
    sheet.prose((place, "bold"), (f": {read}", ""))
    sheet.gap()
    keys = [each for each in made.origins if each.key not in _OWN_LINES]
    _table(sheet, [(each.key, shown_value(each.value), each) for each in keys])
    for name in _OWN_LINES:
        items = [each for each in made.origins if each.key == name]
        if items:
            sheet.gap()
            _table(sheet, [(name, one_line(str(each.value), _MOST_VALUE), each) for each in items])
    for notice in made.policy.notices:
        sheet.prose((one_line(notice, 500), "yellow"))
    return sheet.text()


def config_json(here: Here, made: Merged) -> str:
    """The same as one document."""
    scene = here.levels.scene
    values = [_plain(each) for each in made.origins if each.key not in _OWN_LINES]
    document: dict[str, Any] = {
        "repository": here.repository,
        "folder": scene.folder or None,
        "files": [layer.file for layer in here.levels.layers if layer.file],
        "values": values,
    }
    for name in _OWN_LINES:
        document[name] = [_plain(each) for each in made.origins if each.key == name]
    return json_text({**document, "notices": list(made.policy.notices)})


def shown_value(value: object) -> str:
    """As it would stand in the file, cut."""
    return one_line(json.dumps(plain_value(value), ensure_ascii=False), _MOST_VALUE)


def plain_value(value: object) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [plain_value(each) for each in value]
    return value


def _plain(origin: Origin) -> dict[str, Any]:
    return {
        "key": origin.key,
        "value": plain_value(origin.value),
        "level": str(origin.level),
        "origin": origin.where or None,
    }


def _table(sheet: Sheet, rows: Sequence[tuple[str, str, Origin]]) -> None:
    most_key, most_value = (
        max((len(key) for key, _, _ in rows), default=0),
        max((len(row[1]) for row in rows), default=0),
    )
    for key, value, origin in rows:
        is_default = origin.level is Level.DEFAULT
        said = "default" if is_default else f"{origin.level}  {shown_path(origin.where)}"
        sheet.line((f"{key:<{most_key}}  {value:<{most_value}}  {said}", "dim" if is_default else ""))
