"""Read the policy file, rule files and memory files; what cannot be used is told with its line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mesrai.domain.memory import Memory, MemoryScope, memory_paths, memory_text
from mesrai.domain.policy import POLICY_FILE, Example, Policy, Rule
from mesrai.domain.policy_keys import POLICY
from mesrai.domain.policy_shapes import Misshapen, Problem, Record
from mesrai.domain.rule_keys import MEMORY, RULE, RULE_FRONT
from mesrai.domain.yaml_lines import Listing, Node, Scalar, Table, YamlProblem, read_yaml
from mesrai.errors import PolicyError

_SHOWN_PROBLEMS = 5
_MAX_RULE_BYTES = 64 * 1024
_MAX_RULE_CHARS = 10_000
_HEADING = re.compile(r"(#{1,6})\s+([^#\n]*)")
_HEADINGS = ("instructions", "examples", "bad example", "good example")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")


def read_policy(data: bytes, *, file: str) -> Policy:
    """The policy that the bytes of a `mesrai-config.yml` ask for; an empty file asks for the defaults.

    Raises PolicyError, with the first line that is wrong; its message tells the next problems too.
    """
    policy: Policy = POLICY.built({key: value for key, (value, _) in read_values(data, file=file).items()})
    return policy


def read_values(data: bytes, *, file: str) -> Mapping[str, tuple[Any, int]]:
    """Each value that stands in a `mesrai-config.yml`, by its full key, with its line. Errors: as `read_policy`."""
    root = _read_yaml(data, file=file, first_line=1)
    if isinstance(root, Scalar) and root.is_null:
        return {}
    _read_shape(POLICY, root, file=file)
    values = POLICY.given(root)
    if "rules" in values:
        lines = _rule_lines(root)
        rules, line = values["rules"]
        values["rules"] = tuple(replace(rule, origin=f"{file}:{lines[rule.title]}") for rule in rules), line
    return values


def read_shared_rule(data: bytes, file: str) -> Rule:
    """The rule of a `.mesrai-rules/review/*.yml`. Errors: PolicyError."""
    root = _read_yaml(data, file=file, first_line=1)
    rule: Rule = _read_shape(RULE, root, file=file)
    return replace(rule, origin=f"{file}:{root.line}")


def read_memory_file(data: bytes, file: str) -> Memory:
    """The memory of a `.mesrai-rules/memories/*.yml`, a directory's if it names paths. Errors: PolicyError."""
    root = _read_yaml(data, file=file, first_line=1)
    told: dict[str, Any] = _read_shape(MEMORY, root, file=file)
    title = told.get("title", "")
    try:
        text = memory_text(f"{title}: {told['text']}" if title else told["text"])
        paths = memory_paths(told["paths"]) if told.get("paths") else ()
    except ValueError as error:
        raise PolicyError(f"the memory cannot be used: {error}", file=file, line=root.line) from error
    scope = MemoryScope.DIRECTORY if paths else MemoryScope.REPOSITORY
    return Memory(id=0, text=text, scope=scope, paths=paths, author=file, origin=f"{file}:{root.line}")


def read_rule_file(data: bytes, file: str) -> Rule:
    """The rule of a `.mesrai/rules/**/*.md`: front matter, then `## Instructions` and `## Examples`.

    Without an Instructions heading, all text before the examples is the rule. Raises PolicyError.
    """
    if len(data) > _MAX_RULE_BYTES:
        raise PolicyError(f"the rule is larger than {_MAX_RULE_BYTES // 1024} KiB", file=file)
    try:
        lines = data.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError("the rule is not UTF-8 text", file=file, line=line) from error
    end = _front_matter_end(lines, file)
    root = _read_yaml("\n".join(lines[1:end]), file=file, first_line=2)
    front: dict[str, Any] = _read_shape(RULE_FRONT, root, file=file)
    sections = _sections(lines[end + 1 :])
    text = _text_under(sections, "instructions") or _text_under(sections, "")
    if not text:
        raise PolicyError("the rule says nothing; write it under `## Instructions`", file=file, line=end + 1)
    if len(text) > _MAX_RULE_CHARS:
        raise PolicyError(f"the rule is longer than {_MAX_RULE_CHARS} characters", file=file, line=end + 1)
    return Rule(**front, rule=text, examples=_examples(sections), origin=f"{file}:1")


def policy_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the policy file. The reader is a little more lenient: case, empty keys."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": POLICY_FILE,
        "description": "What the owners of a repository ask of a review.",
        **POLICY.schema(),
    }


def _read_yaml(raw: bytes | str, *, file: str, first_line: int) -> Node:
    try:
        root = read_yaml(raw)
    except YamlProblem as error:
        raise PolicyError(error.message, file=file, line=error.line + first_line - 1) from error
    return _moved(root, first_line - 1) if first_line > 1 else root


def _moved(node: Node, lines: int) -> Node:
    """The same node, as it stands further down in a larger file."""
    line = node.line + lines
    if isinstance(node, Listing):
        return replace(node, line=line, items=tuple(_moved(item, lines) for item in node.items))
    if isinstance(node, Table):
        pairs = tuple((_moved(key, lines), _moved(value, lines)) for key, value in node.pairs)
        return replace(node, line=line, pairs=pairs)
    return replace(node, line=line)


def _read_shape(record: Record, root: Node, *, file: str) -> Any:
    try:
        return record.read(root, "")
    except Misshapen as error:
        raise _policy_error(error.problems, file) from error


def _policy_error(problems: Sequence[Problem], file: str) -> PolicyError:
    ordered = sorted(problems, key=lambda problem: problem.line)
    first, *others = ordered
    more = "".join(f"; line {problem.line}: {problem.text}" for problem in others[: _SHOWN_PROBLEMS - 1])
    left = len(others) - (_SHOWN_PROBLEMS - 1)
    told = first.text + more + (f"; and {left} more" if left > 0 else "")
    return PolicyError(told, file=file, line=first.line, problems=[(each.line, each.text) for each in ordered])


def _rule_lines(root: Node) -> dict[str, int]:
    """On which line each rule of the policy file begins, by its title."""
    rules = root.find("rules") if isinstance(root, Table) else None
    titled = (
        [(item, item.find("title")) for item in rules.items if isinstance(item, Table)]
        if isinstance(rules, Listing)
        else []
    )
    return {title.text: item.line for item, title in titled if isinstance(title, Scalar)}


def _front_matter_end(lines: Sequence[str], file: str) -> int:
    """The index of the line that closes the front matter."""
    if not lines or lines[0].rstrip() != "---":
        raise PolicyError("a rule file begins with `---`, its keys, and `---`", file=file, line=1)
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return number
    raise PolicyError("the front matter is not closed by `---`", file=file, line=1)


def _sections(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The text under each known heading, by the heading in lower case; text before the first has an empty name."""
    sections: list[tuple[str, list[str]]] = [("", [])]
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        heading = None if fence else _HEADING.match(line)
        name = heading[2].strip().lower() if heading else ""
        if name in _HEADINGS:
            sections.append((name, []))
        else:
            sections[-1][1].append(line)
    return [(name, "\n".join(text).strip()) for name, text in sections]


def _text_under(sections: Sequence[tuple[str, str]], wanted: str) -> str:
    return "\n\n".join(text for name, text in sections if name == wanted and text)


def _examples(sections: Sequence[tuple[str, str]]) -> tuple[Example, ...]:
    return tuple(
        Example(snippet=_unfenced(text), is_correct=name == "good example")
        for name, text in sections
        if name in ("good example", "bad example") and text
    )


def _unfenced(text: str) -> str:
    """The code of the one fenced block that the text consists of, or the text as it is."""
    lines = text.split("\n")
    opening = _FENCE.match(lines[0])
    if opening and len(lines) > 2 and lines[-1].strip().startswith(opening[1]):
        inner = lines[1:-1]
        if not any(_FENCE.match(line) for line in inner):
            return "\n".join(inner)
    return text
