"""Find credentials in text, and take them out of it; what is only an example of one is let be."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Final

from mesrai.domain.finding import Severity

_PATTERNS_FILE: Final = Path(__file__).with_name("data") / "secrets.toml"
_MIN_ENTROPY: Final = 3.0
_KEY_BLOCK_CHARS: Final = 20_000  # after the first line of a private key, where its end is looked for
_KEY_END: Final = re.compile(r"-----END [A-Z ]{0,40}-----")
_KEY_BODY: Final = re.compile(r"[A-Za-z0-9+/=]*+(?:(?:\\[nr]|[^A-Za-z0-9]){1,12}+[A-Za-z0-9+/=]{30,200}+)*+")
_LINE_HEAD: Final = re.compile(r"[ \t]*[+-]?[ \t]*")

_PLACEHOLDER: Final = re.compile(
    r"example|sample|dummy|placeholder|change[-_]?(?:me|it|this)|redacted|your[-_]|fake|mock|demo|test|todo|xxxx|\*\*\*"
    r"|\.\.\.|insert|replace|secret|password|passw0rd|token|api[-_]?key|foobar|foo[-_]bar|lorem|none|null|undefined"
    r"|12345|abcdef|qwerty|deadbeef|00000|11111",
    re.IGNORECASE,
)
# In a token whose shape says what it is, only these speak against it: shorter words occur by chance.
_PLACEHOLDER_IN_TOKEN: Final = re.compile(
    r"example|sample|dummy|placeholder|changeme|redacted|your[-_]|xxxx|fake|(?<![sr]k_)test[-_]|\*\*\*|\.\.\.|123456|abcdefg|qwerty|deadbeef"
    r"|(.)\1{6}",
    re.IGNORECASE,
)
# A name that goes on like this names something about a secret, not the secret.
_NOT_THE_SECRET: Final = re.compile(
    r"name|type|address|ur[il]|path|file|dir|field|label|hint|prefix|suffix|header|regex|pattern|format|length|size|policy|expir"
    r"|ttl|hash|digest|endpoint|param|message|msg|error|text|title|class|selector|input|reset|prompt|count|limit|budget"
    r"|column|attr|kind|mode|algorithm|scope|status|state|source|provider|store|service|version|usage|izer|arn|ref"
    r"|ids?$|env$|var$|at$",
    re.IGNORECASE,
)
_LOOKED_UP: Final = re.compile(
    r"^(?:sha(?:1|256|384|512)[-:]|https?:|[./~@#&%]|arn:|urn:|env[:.]|vault:|op://|enc\b|ENC\[)"
)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LOCAL_HOST: Final = re.compile(
    r"[^.]*|127\..*|0\.0\.0\.0|10\..*|192\.168\..*|.*\.(?:local|localhost|test|example|invalid|internal)"
    r"|(?:.*\.)?example\.(?:com|org|net)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFound:
    """Where a credential stands in a text. It never holds the credential."""

    code: str
    name: str  # with an article: "a GitHub token"
    severity: Severity
    start: int  # character offsets
    end: int
    is_usual_in_tests: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    code: str
    name: str
    severity: Severity
    hints: tuple[str, ...]
    lines_with: tuple[str, ...]
    regex: str  # compiled when a text holds a hint of it, since compiling all takes longer than a small review
    unless: str  # empty if nothing speaks against a match
    entropy: float
    check: Callable[[re.Match[str]], bool]
    is_usual_in_tests: bool


def find_secrets(text: str) -> tuple[SecretFound, ...]:
    """The credentials in `text`, in order; where two overlap, the first in the table of patterns."""
    found: list[SecretFound] = []
    for pattern in _patterns():
        if not pattern.hints or any(hint in text for hint in pattern.hints):
            found.extend(_found_by(pattern, text))
    ordered = sorted(enumerate(found), key=lambda pair: (pair[1].start, pair[0]))
    kept: list[SecretFound] = []
    for _, secret in ordered:
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return tuple(kept)


def redact_secrets(text: str) -> tuple[str, int]:
    """The text with each credential replaced by what it is, and how many there were. Lines stay lines."""
    parts: list[str] = []
    at = 0
    found = find_secrets(text)
    for secret in found:
        parts.append(text[at : secret.start])
        parts.append(_instead_of(text[secret.start : secret.end], secret.name))
        at = secret.end
    return "".join([*parts, text[at:]]), len(found)


def _instead_of(value: str, name: str) -> str:
    first, *others = value.split("\n")
    marked = [f"[redacted: {name}]"]
    for line in others:
        head = _LINE_HEAD.match(line)
        marked.append((head[0] if head else "") + ("[redacted]" if line.strip() else ""))
    return "\n".join(marked) if first else value


def _found_by(pattern: _Pattern, text: str) -> Iterator[SecretFound]:
    for match in _matches(pattern, text):
        value = match["secret"]
        if pattern.unless and _compiled(pattern.unless).search(value):
            continue
        if _entropy(value) < pattern.entropy or not pattern.check(match):
            continue
        start, end = match.span("secret")
        if pattern.code == "private-key":
            end = _key_end(text, end)
        yield SecretFound(
            code=pattern.code,
            name=pattern.name,
            severity=pattern.severity,
            start=start,
            end=end,
            is_usual_in_tests=pattern.is_usual_in_tests,
        )


def _matches(pattern: _Pattern, text: str) -> Iterator[re.Match[str]]:
    if not pattern.lines_with:
        yield from _compiled(pattern.regex).finditer(text)
        return
    for start, end in _lines_with(text, pattern.lines_with):
        yield from _compiled(pattern.regex).finditer(text, start, end)


def _lines_with(text: str, words: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where the lines are that hold one of the words. Most lines hold none, and plain searching is cheap."""
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters have a longer lower case
        lowered = text
    lines: set[tuple[int, int]] = set()
    for word in words:
        at = lowered.find(word)
        while at >= 0:
            end = lowered.find("\n", at)
            end = len(text) if end < 0 else end
            lines.add((lowered.rfind("\n", 0, at) + 1, end))
            at = lowered.find(word, end)
    return sorted(lines)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.MULTILINE)


@cache
def _patterns() -> tuple[_Pattern, ...]:
    with _PATTERNS_FILE.open("rb") as file:
        table = tomllib.load(file)
    return tuple(
        _Pattern(
            code=row["code"],
            name=row["name"],
            severity=Severity(row["severity"]),
            hints=tuple(row.get("hints", ())),
            lines_with=tuple(row.get("lines_with", ())),
            regex=row["regex"],
            unless=row.get("unless", ""),
            entropy=row.get("entropy", _MIN_ENTROPY),
            check=_CHECKS[row.get("check", "token")],
            is_usual_in_tests=not row.get("tests", True),
        )
        for row in table["pattern"]
    )


def _key_end(text: str, body: int) -> int:
    """Where a private key ends whose body begins before `body`: at its end mark, or where base64 stops."""
    limit = body + _KEY_BLOCK_CHARS
    end = _KEY_END.search(text, body, limit)
    if end and "-----BEGIN" not in text[body : end.start()]:
        return end.end()
    rest = _KEY_BODY.match(text, body, limit)
    return rest.end() if rest else body


def _is_token(match: re.Match[str]) -> bool:
    """A shape that says what it is: anything but an obvious example."""
    return not _PLACEHOLDER_IN_TOKEN.search(match["secret"])


def _is_key(match: re.Match[str]) -> bool:
    """A private key with a body that is no example. Runs of one letter are usual in it."""
    body = match["secret"].rsplit("-----", 1)[1]
    return _entropy(body) >= _MIN_ENTROPY and not re.search(r"(?i)example|\.\.\.|your|xxxx|abcdefg|123456", body)


def _is_random(match: re.Match[str]) -> bool:
    """A value without a shape of its own: it must look random."""
    return not _PLACEHOLDER.search(match["secret"]) and _looks_random(match["secret"])


def _is_url_password(match: re.Match[str]) -> bool:
    """A password in an address that others can reach."""
    user = match[0].removeprefix("://").split(":", 1)[0]
    value = match["secret"]
    is_example = (
        _PLACEHOLDER.search(value)
        or re.search(r"%[sdv(]", value)
        or value.lower() in (user.lower(), "pass", "guest", "postgres", "admin")
    )
    return not is_example and not _LOCAL_HOST.fullmatch(match["host"])


def _is_assigned(match: re.Match[str]) -> bool:
    """A value given to a name such as `password`: random, or for a password, a mix as people make them."""
    name, rest, value = match["name"], match["rest"], match["secret"]
    if _NOT_THE_SECRET.search(rest) or _LOOKED_UP.search(value) or _UUID.fullmatch(value):
        return False
    if _PLACEHOLDER.search(value):
        return False
    is_password = re.search(r"pass|pwd", name, re.IGNORECASE) is not None
    return _looks_random(value) or (is_password and _looks_like_password(value))


_CHECKS: Final = {
    "token": _is_token,
    "key": _is_key,
    "random": _is_random,
    "url": _is_url_password,
    "assigned": _is_assigned,
}


def _looks_random(value: str) -> bool:
    """Long, with digits among the letters, and changing between them as often as chance would have it."""
    kinds = [_kind(mark) for mark in value]
    changes = sum(a != b for a, b in pairwise(kinds))
    enough = 3.0 if re.fullmatch(r"[0-9a-fA-F-]+", value) else 3.6
    return (
        len(value) >= 16
        and sum(kind == "digit" for kind in kinds) >= 2
        and sum(kind in ("lower", "upper") for kind in kinds) >= 4
        and changes >= 0.3 * len(value)
        and _entropy(value) >= enough
    )


def _looks_like_password(value: str) -> bool:
    kinds = {_kind(mark) for mark in value}
    return 8 <= len(value) <= 40 and len(kinds) >= 3 and "digit" in kinds and not re.search(r"[()\[\];,\\]", value)


def _kind(mark: str) -> str:
    if mark.isdigit():
        return "digit"
    if mark.isalpha():
        return "upper" if mark.isupper() else "lower"
    return "other"


def _entropy(value: str) -> float:
    """Bits per character, by how often each occurs."""
    total = len(value)
    return -sum(n / total * log2(n / total) for n in Counter(value).values())
