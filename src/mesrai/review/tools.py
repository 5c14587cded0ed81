"""What the model may look at while it reviews: read-only, inside the repository, and bounded."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mesrai.domain.change import At
from mesrai.domain.file_text import lines_of, text_of
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import SourceError
from mesrai.forges.forge import Match, Source, Tree
from mesrai.llm.model import Json, Tool, ToolCall
from mesrai.review.code.lookup import find_definition, find_references
from mesrai.review.material import margin, visible

_MOST_LINES = 400
_MOST_CHARS = 12_000  # of one result
_MOST_LISTED = 200
_NO_LINE = 1_000_000_000  # no file has so many
_DIGITS = re.compile(r"\s{0,9}-?[0-9]{1,9}\s{0,9}")
_NO_TEXT = re.compile("[\n\0\ud800-\udbff]|[\udc00-\udc7f\udd00-\udfff]")  # the rest stand for bytes of a name
_INTEGER: Json = {"type": "integer"}
_STRING: Json = {"type": "string"}


class ToolMisused(ValueError):
    """The call cannot be carried out as the model wrote it; the message is for the model."""


def _tool(
    name: str, description: str, required: Mapping[str, Json], optional: Mapping[str, Json] | None = None
) -> Tool:
    return Tool(
        name=name,
        description=description,
        parameters={
            "type": "object",
            "properties": {**required, **(optional or {})},
            "required": list(required),
            "additionalProperties": False,
        },
    )


TOOLS = (
    _tool(
        "read_file",
        "Lines of a file as it is after the change. At most 400 lines a call.",
        {"path": _STRING},
        {"start_line": _INTEGER, "end_line": _INTEGER},
    ),
    _tool(
        "search_text",
        "Lines of the repository, after the change, that contain a text exactly, upper and lower case told apart. "
        "Set whole_word for names.",
        {"text": _STRING},
        {"whole_word": {"type": "boolean"}, "under": {"type": "string", "description": "only paths below this folder"}},
    ),
    _tool(
        "find_definition", "The definitions of a function, method, class or constant of that name.", {"name": _STRING}
    ),
    _tool(
        "find_references",
        "Places that call or use a name; imports, comments and texts do not count.",
        {"name": _STRING},
    ),
    _tool("list_directory", "What a folder of the repository holds; an empty path is the root.", {"path": _STRING}),
    _tool("line_history", "The last commits that touched a line.", {"path": _STRING, "line": _INTEGER}),
)


class Toolbox:
    """Carries out the model's calls for one conversation, within a budget of characters.

    Every problem becomes text for the model; a call never ends the review.
    """

    def __init__(self, source: Source, *, most_chars: int) -> None:
        """Look through `source`, returning at most `most_chars` in all."""
        self._source = source
        self._left = most_chars if source.tree else 0

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools to offer; none where nothing can be looked at."""
        return TOOLS if self._left > 0 else ()

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up."""
        return self._left <= 0

    async def run_all(self, calls: Sequence[ToolCall]) -> list[str]:
        """The results of the calls of one turn; each has an equal share of what is left."""
        most = max(self._left, 0) // max(len(calls), 1)
        return [await self.run(call, most=most) for call in calls]

    async def run(self, call: ToolCall, *, most: int = _MOST_CHARS) -> str:
        """The result of a call, at most `most` characters of it, or a sentence that says why there is none."""
        tree = self._source.tree
        if tree is None or self.is_spent:
            return "Nothing more can be looked up. Answer with what you know."
        try:
            text = await self._run(tree, call.name, _arguments(call))
        except ToolMisused as error:
            return f"Error: {error}"
        except SourceError as error:
            return f"Error: {error.message}"
        safe = visible(redact_secrets(text)[0])
        kept = _cut(safe, min(_MOST_CHARS, most, max(self._left, 0)))
        self._left -= len(kept)
        if len(kept) == len(safe):
            return kept
        return f"{kept}\n[cut: {len(kept)} of {len(safe)} characters are shown; ask for something narrower]"

    async def _run(self, tree: Tree, name: str, arguments: Mapping[str, Any]) -> str:
        runs: dict[str, Callable[[], Awaitable[str]]] = {
            "read_file": lambda: self._read_file(arguments),
            "search_text": lambda: _search(tree, arguments),
            "find_definition": lambda: self._definitions(tree, _word(arguments, "name")),
            "find_references": lambda: self._references(tree, _word(arguments, "name")),
            "list_directory": lambda: _list(tree, arguments),
            "line_history": lambda: _history(tree, arguments),
        }
        if name not in runs:
            raise ToolMisused(f"there is no tool {name!r}; there are {', '.join(runs)}")
        return await runs[name]()

    async def _read_file(self, arguments: Mapping[str, Any]) -> str:
        path = _path(arguments)
        data = await self._source.file(path, At.HEAD)
        if data is None:
            raise ToolMisused(f"there is no readable file {path!r} after the change")
        lines = lines_of(text_of(data))
        first = max(_number(arguments, "start_line", 1), 1)
        last = min(_number(arguments, "end_line", first + _MOST_LINES - 1), first + _MOST_LINES - 1, len(lines))
        if first > len(lines):
            raise ToolMisused(f"{path} has {len(lines)} lines")
        shown = "\n".join(margin(number, " ", lines[number - 1]) for number in range(first, last + 1))
        return f"{path}, lines {first} to {last} of {len(lines)}\n{shown}"

    async def _definitions(self, tree: Tree, name: str) -> str:
        found = await find_definition(tree, self._source, name)
        if not found:
            return f"No definition of {name} was found."
        return "\n\n".join(
            f"{each.path}, lines {each.start_line} to {each.end_line}\n{_numbered(each.text, each.start_line)}"
            for each in found[:10]
        )

    async def _references(self, tree: Tree, name: str) -> str:
        found = await find_references(tree, self._source, name)
        listed = (f"{each.path}:{each.line}: {each.text.strip()[:300]}" for each in found[:_MOST_LISTED])
        return "\n".join(listed) or f"No use of {name} was found."


def _cut(text: str, most: int) -> str:
    """The text, or as many whole lines of it as fit; of one that is too long, its beginning."""
    if len(text) <= most:
        return text
    end = text.rfind("\n", 0, most)
    return text[: end if end > 0 else most]


async def _search(tree: Tree, arguments: Mapping[str, Any]) -> str:
    text = _word(arguments, "text")
    under = _path(arguments, "under") if arguments.get("under") else ""
    found = await tree.search(text, word=arguments.get("whole_word") is True, under=under, most=_MOST_LISTED)
    return _matches(found) or f"Nothing contains {text!r}."


def _matches(found: Sequence[Match]) -> str:
    return "\n".join(f"{each.path}:{each.line}: {each.text.strip()[:300]}" for each in found)


async def _list(tree: Tree, arguments: Mapping[str, Any]) -> str:
    folder = str(arguments.get("path") or "").strip("/.")
    prefix = f"{folder}/" if folder else ""
    names = dict.fromkeys(
        rest.split("/", 1)[0] + ("/" if "/" in rest else "")
        for path in await tree.paths()
        if path.startswith(prefix) and (rest := path[len(prefix) :])
    )
    if not names:
        raise ToolMisused(f"there is no folder {folder!r}")
    more = f"\nand {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return "\n".join(list(names)[:_MOST_LISTED]) + more


async def _history(tree: Tree, arguments: Mapping[str, Any]) -> str:
    found = await tree.history(_path(arguments), max(_number(arguments, "line", 1), 1))
    return "\n".join(f"{each.date[:10]} {each.commit[:12]} {each.subject}" for each in found) or "Not committed yet."


def _arguments(call: ToolCall) -> Mapping[str, Any]:
    try:
        value = json.loads(call.arguments or "{}", strict=False)
    except (ValueError, RecursionError) as error:
        raise ToolMisused(f"the arguments are not valid JSON: {str(error)[:100]}") from error
    if not isinstance(value, dict):
        raise ToolMisused("the arguments must be a JSON object")
    return value


def _word(arguments: Mapping[str, Any], key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or _NO_TEXT.search(value):
        raise ToolMisused(f"`{key}` must be one line of text, at most 200 characters")
    return value.strip() if key == "name" else value


def _path(arguments: Mapping[str, Any], key: str = "path") -> str:
    path = _word(arguments, key).removeprefix("./")
    if path.startswith("/") or ".." in path.split("/"):
        raise ToolMisused(f"`{key}` must be relative to the repository's root and stay inside it")
    return path


def _number(arguments: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = arguments.get(key, otherwise)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _NO_LINE:
        raise ToolMisused(f"`{key}` must be an integer")
    return value


def _numbered(text: str, start: int) -> str:
    return "\n".join(margin(number, " ", line) for number, line in enumerate(text.split("\n"), start))
