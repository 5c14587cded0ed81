"""The page and the schema of the policy file: `python -m tests.policy_page` writes them, a test compares them."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from mesrai.domain.policy import POLICY_FILE, Policy
from mesrai.domain.policy_file import policy_schema
from mesrai.domain.policy_keys import CATEGORY_KEYS, POLICY
from mesrai.domain.policy_shapes import Field, ListOf, Record

DOCS = Path(__file__).parents[1] / "docs"

_HEAD = f"""\
# The policy file

Made from the code by `python -m tests.policy_page`.

`{POLICY_FILE}` at the root of a repository says what its owners ask of a review. A folder may have its own, and a
central repository may configure all others: [levels](configuration.md). Every key may be left out. A key that is not
listed here, a wrong type or a wrong value is an error that names the line; nothing is skipped in silence.
An editor checks the file while you type if it knows [the schema](mesrai-config.schema.json).

| Key | What it may be | If left out | What it means |
|---|---|---|---|
"""
_PATTERNS = """
## Path patterns

Patterns are written as in `.gitignore`, and count from the root of the repository, also in the file of a folder:

- a pattern without a slash (`yarn.lock`, `*.min.js`) matches a file or folder of that name at any depth;
- a slash at the start or in the middle (`/setup.py`, `docs/*.md`) ties the pattern to the root of the repository;
- a slash at the end (`build/`) asks for a folder; a folder stands for everything in it;
- `*` and `?` stop at slashes, `[a-z]` is one character of a set, `**` is any number of folders;
- `{a,b}` means either;
- `!` at the start takes paths out again; the last pattern that matches decides.

## Rules

A rule may also stand in a file of its own, `.mesrai/rules/**/*.md`: its keys between two lines `---`, then the
requirement under `## Instructions` and, if you like, code under `## Examples`, each piece under `### Bad example` or
`### Good example`. `title` is required there too; the requirement is the text, so there is no key `rule`.

Beside any policy file, `.mesrai-rules/review/*.yml` holds rules too, one a file, with the keys of `rules[]` above;
`.mesrai-rules/memories/*.yml` holds what reviewers should remember:

```yaml
memory: Money is counted in cents.   # at most 2000 characters; `text` is another name of the key
title: Money                         # may be left out
path: src/billing/**                 # a pattern or a list; may be left out
```

A file of a rule or a memory that cannot be used is told in the review, with its line; it costs none of the others.
"""


def policy_page() -> str:
    """The page of every key, as markdown."""
    return _HEAD + "".join(_rows(POLICY, "", Policy())) + _PATTERNS


def _rows(record: Record, prefix: str, defaults: object) -> Iterator[str]:
    for field in record.fields:
        name = prefix + field.name
        default = getattr(defaults, field.into, None)
        if isinstance(field.shape, Record):
            yield from _rows(field.shape, f"{name}.", default)
            continue
        names = " or ".join(f"`{prefix}{each}`" for each in (field.name, *field.others))
        yield f"| {names} | {_allowed(field)} | {_default(field, default, defaults)} | {field.meaning} |\n"
        if isinstance(field.shape, ListOf) and isinstance(field.shape.item, Record):
            yield from _rows(field.shape.item, f"{name}[].", None)


def _allowed(field: Field) -> str:
    if isinstance(field.shape, ListOf) and isinstance(field.shape.item, Record):
        return "a list of mappings"
    return field.shape.allowed()


def _default(field: Field, default: object, owner: object) -> str:
    if field.is_required:
        return "required"
    if isinstance(owner, frozenset):  # the categories that are wanted
        return f"`{str(CATEGORY_KEYS[field.name] in owner).lower()}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return ", ".join(f"`{each}`" for each in default) or "none"
    if isinstance(default, StrEnum | str | int):
        return f"`{default}`" if default != "" else "empty"
    return _RULE_DEFAULTS.get(field.name, "none")


_RULE_DEFAULTS = {
    "severity": "`medium`",
    "scope": "`file`",
    "path": "every file",
    "languages": "every language",
    "enabled": "`true`",
    "inheritable": "`true`",
}


def schema_text() -> str:
    """docs/mesrai-config.schema.json."""
    return json.dumps(policy_schema(), indent=2) + "\n"


def main() -> None:
    """Write the page and the schema."""
    (DOCS / "policy.md").write_text(policy_page(), "utf-8")
    (DOCS / "mesrai-config.schema.json").write_text(schema_text(), "utf-8")


if __name__ == "__main__":
    main()
