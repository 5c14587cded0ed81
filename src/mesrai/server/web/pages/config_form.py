"""Every key of the policy as a field of a form: what holds, from where, and what a person wants instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import Markup

from mesrai.domain.policy_keys import POLICY
from mesrai.domain.policy_shapes import Choice, Count, Flag, ListOf, Misshapen, Shape, Text
from mesrai.domain.saved_policy import Leaf, Place, leaves, listing, scalar
from mesrai.domain.yaml_lines import Node
from mesrai.flows.configuring import View
from mesrai.server.web.forms import Form
from mesrai.server.web.house import House
from mesrai.server.web.pages.config_place import Where, label_of, spelled, where

_LONG: Final = 1_000  # a text that may be so long gets more than a line
_FLAGS: Final = (("true", "Yes"), ("false", "No"))
_WORDS: Final = {"true": "yes", "false": "no"}
_MOST_TOLD: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """One key on the page."""

    key: str
    label: str
    meaning: Markup
    allowed: Markup
    kind: str  # choice, line, long, list
    options: Sequence[tuple[str, str]]  # of a choice
    value: str  # as it stands in the field
    is_here: bool  # set at this level
    inherited: str  # as it would stand there without
    follows: str  # the same, in words
    where: Where  # of what holds
    overruled: bool  # set at this level, but something else holds
    error: str = ""

    @property
    def id(self) -> str:
        """For the page's elements."""
        return self.key.replace(".", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields that belong together."""

    key: str
    label: str
    meaning: Markup
    fields: Sequence[FieldShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a filled-in form asks for."""

    changes: Mapping[str, Node | None]
    errors: Mapping[str, str] = field(default_factory=dict)  # by key


def groups(
    house: House, view: View, *, filled: Form | None = None, errors: Mapping[str, str] | None = None
) -> Sequence[Group]:
    """The form's fields; with `filled` as the person left them."""
    found: dict[str, list[FieldShown]] = {}
    for leaf in leaves():
        found.setdefault(leaf.group, []).append(_shown(house, view, leaf, filled, (errors or {}).get(leaf.key, "")))
    about = {each.name: each.meaning for each in POLICY.fields}
    return [
        Group(
            key=key,
            label=label_of(key) if key else "General",
            meaning=spelled(about[key]) if key else Markup(""),
            fields=fields,
        )
        for key, fields in found.items()
    ]


def wanted(form: Form, view: View) -> Wanted:
    """The changes a form asks for, and what is wrong with it; keys that it does not hold stay as they are."""
    changes: dict[str, Node | None] = {}
    errors: dict[str, str] = {}
    for leaf in leaves():
        if not form.is_set(leaf.key):
            continue
        node = _node(leaf, form)
        if node is None:
            changes |= {leaf.key: None} if leaf.key in view.given else {}
            continue
        try:
            value = leaf.field.shape.read(node, leaf.field.name)
        except Misshapen as problem:
            errors[leaf.key] = problem.problems[0].text.replace("`", "")
            continue
        if leaf.key not in view.given or view.given[leaf.key] != value:
            changes[leaf.key] = node
    return Wanted(changes=changes, errors=errors)


def value_text(value: Any) -> str:
    """A value as it stands in a field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "\n".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _shown(house: House, view: View, leaf: Leaf, filled: Form | None, error: str) -> FieldShown:
    shape, key = leaf.field.shape, leaf.key
    now, above = view.origins[key], view.inherited[key]
    is_here = key in view.given
    kind = _kind(shape)
    value = value_text(view.given[key] if is_here else now.value)
    if kind == "choice" and not is_here:
        value = ""
    if filled is not None and filled.is_set(key):
        value, is_here = filled.exact(key), kind == "choice" or filled.is_set(f"here.{key}")
    inherited = value_text(above.value)
    return FieldShown(
        key=key,
        label=label_of(key),
        meaning=spelled(leaf.field.meaning),
        allowed=spelled(shape.allowed()),
        kind=kind,
        options=_options(shape),
        value=value,
        is_here=is_here,
        inherited=inherited,
        follows=_in_words(inherited),
        where=where(house, view.place, above if not is_here else now),
        overruled=key in view.given and not _is_from(view.place, now.is_saved, now.level),
        error=error,
    )


def _is_from(place: Place, is_saved: bool, level: str) -> bool:
    return is_saved and level == place.level


def _node(leaf: Leaf, form: Form) -> Node | None:
    """What a field asks for; None: what holds above."""
    shape, key = leaf.field.shape, leaf.key
    typed = form.exact(key).strip("\n") if _kind(shape) == "long" else form.text(key)
    if _kind(shape) == "choice":
        return scalar(typed, is_plain=True) if typed else None
    # Who types something else wants it, also without the tick; who takes the tick away wants what is above.
    is_new = key not in form.all("was") and typed.split() != form.exact(f"as.{key}").split()
    if not form.is_set(f"here.{key}") and not is_new:
        return None
    if isinstance(shape, ListOf):
        return listing([line.strip() for line in typed.split("\n") if line.strip()])
    return scalar(typed, is_plain=isinstance(shape, Count))


def _kind(shape: Shape) -> str:
    if isinstance(shape, Flag | Choice):
        return "choice"
    if isinstance(shape, ListOf):
        return "list"
    return "long" if isinstance(shape, Text) and shape.max_chars >= _LONG else "line"


def _options(shape: Shape) -> Sequence[tuple[str, str]]:
    if isinstance(shape, Flag):
        return _FLAGS
    return [(word, word.replace("_", " ")) for word in shape.words] if isinstance(shape, Choice) else ()


def _in_words(value: str) -> str:
    text = ", ".join(value.split("\n")) if value else "empty"
    told = _WORDS.get(text, text)
    return told if len(told) <= _MOST_TOLD else told[: _MOST_TOLD - 1] + "…"
