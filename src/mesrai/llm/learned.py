"""Levels of thinking from what a vendor's own model list says of a model."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mesrai.domain.connection import Learned
from mesrai.llm.catalogue_rows import LevelRow, ProviderRow, SchemeRow
from mesrai.llm.endpoint import Dialect

_ORDER: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def scheme_learned(
    learned: Learned, row: ProviderRow, schemes: Mapping[str, SchemeRow], known: SchemeRow | None = None
) -> SchemeRow | None:
    """The scheme of a model at a vendor whose list tells of it; None where the list tells nothing new of reasoning.

    `known` is the scheme of the model's own row, which says more than a list that names no efforts.
    """
    if not row.learned:
        return None
    efforts = [effort for effort in _ORDER if effort in learned.efforts]
    if efforts and learned.reasoning != "no":
        return _by_efforts(efforts, learned, row)
    if known is not None and learned.reasoning == _kind_of(known):
        return None
    return schemes.get(row.learned.get(learned.reasoning, ""))


def _kind_of(scheme: SchemeRow) -> str:
    """What a vendor's list would call it: a notice at off means that the model always reasons."""
    levels = (scheme.off, scheme.low, scheme.medium, scheme.high)
    if not any(level.body for level in levels) and not scheme.off.notice:
        return "no"
    return "only" if scheme.off.notice else "both"


def _by_efforts(efforts: Sequence[str], learned: Learned, row: ProviderRow) -> SchemeRow:
    graded = [effort for effort in efforts if effort != "none"] or list(efforts)
    low = "low" if "low" in graded else graded[0]
    medium = next((effort for effort in ("medium", "high") if effort in graded), graded[len(graded) // 2])
    return SchemeRow(
        id="learned",
        as_of=learned.as_of,
        source=f"the model list of {row.name}",
        off=_off(efforts, learned, row),
        low=LevelRow(body=_body(low, row), notice=_same("low", "medium") if low == medium else ""),
        medium=LevelRow(body=_body(medium, row)),
        high=LevelRow(body=_body(graded[-1], row), notice=_same("high", "medium") if graded[-1] == medium else ""),
    )


def _off(efforts: Sequence[str], learned: Learned, row: ProviderRow) -> LevelRow:
    if "none" in efforts:
        return LevelRow(body=_body("none", row))
    if learned.reasoning == "both":
        return LevelRow(body={"thinking": {"type": "disabled"}})
    least = efforts[0]
    return LevelRow(body=_body(least, row), notice=f"This model always reasons; off is sent as {least}.")


def _body(effort: str, row: ProviderRow) -> dict[str, Any]:
    if row.dialect is Dialect.ANTHROPIC:
        return {"thinking": {"type": "enabled"}, "output_config": {"effort": effort}}
    return {"reasoning_effort": effort}


def _same(one: str, other: str) -> str:
    return f"This model has fewer levels of reasoning; {one} and {other} are the same."
