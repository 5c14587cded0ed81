"""A rule as the YAML of a `.mesrai-rules/review/*.yml`."""

from typing import Any, Final

import yaml

from mesrai.domain.policy import Rule

_WIDTH: Final = 100


class _Dumper(yaml.SafeDumper):
    """Text of several lines stands as several lines."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def shared_rule_text(rule: Rule) -> str:
    """The whole file."""
    told: dict[str, Any] = {"title": rule.title, "rule": rule.rule, "severity": str(rule.severity)}
    told |= {"scope": str(rule.scope)}
    lists = {"path": rule.paths, "languages": rule.languages, "buckets": rule.buckets}
    told |= {name: list(values) for name, values in lists.items() if values}
    if rule.examples:
        told["examples"] = [{"snippet": each.snippet, "isCorrect": each.is_correct} for each in rule.examples]
    told |= {"uuid": rule.uuid} if rule.uuid else {}
    told |= {} if rule.is_enabled else {"enabled": False}
    inheritance: dict[str, Any] = {} if rule.is_inheritable else {"inheritable": False}
    inheritance |= {name: list(v) for name, v in (("exclude", rule.exclude), ("include", rule.include)) if v}
    told |= {"inheritance": inheritance} if inheritance else {}
    return yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
