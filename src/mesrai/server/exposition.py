"""Figures as text that Prometheus reads."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from mesrai.domain.tally import Family, Kind, Labels, Sample

# https://prometheus.io/docs/instrumenting/exposition_formats/
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def render_figures(samples: Sequence[Sample], families: Sequence[Family]) -> str:
    """The text, in the order of the families; of a figure that has no value, what it means is said all the same."""
    order = {family: number for number, family in enumerate(families)}
    lines: list[str] = []
    sorted_samples = sorted(samples, key=lambda each: (order[each.family], each.labels))
    found = {family: list(group) for family, group in groupby(sorted_samples, key=lambda each: each.family)}
    for family in families:
        lines.append(f"# HELP {family.name} {_help(family.meaning)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for each in found.get(family, []):
            lines += (
                _histogram(each) if family.kind is Kind.HISTOGRAM else [_line(family.name, each.labels, each.value)]
            )
    return "\n".join(lines) + "\n"


def _histogram(each: Sample) -> Iterable[str]:
    name = each.family.name
    for bound, count in zip((*each.family.buckets, float("inf")), each.counts, strict=True):
        yield _line(f"{name}_bucket", (*each.labels, ("le", _number(bound))), count)
    yield _line(f"{name}_sum", each.labels, each.value)
    yield _line(f"{name}_count", each.labels, each.counts[-1])


def _line(name: str, labels: Labels, value: float) -> str:
    said = ",".join(f'{label}="{_label(text)}"' for label, text in labels)
    return f"{name}{{{said}}} {_number(value)}" if said else f"{name} {_number(value)}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
