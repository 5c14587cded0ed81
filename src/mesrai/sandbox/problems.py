"""The fixed rules by which the stand-in finds something in a change: obvious defects, told by one added line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_PYTHON: Final = (".py", ".pyi")
_SCRIPT: Final = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte")
_JAVA: Final = (".java", ".kt", ".scala", ".groovy")
_C: Final = (".c", ".h", ".cc", ".cpp", ".hpp", ".cxx")
_COMMENT: Final = re.compile(r"^\s*(?:#|//|\*|/\*|--|<!--)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is taken for a problem, and what is said of it."""

    pattern: re.Pattern[str]
    title: str
    body: str  # why, and what to do
    category: str = "bug"
    severity: str = "medium"
    suffixes: tuple[str, ...] = ()  # of files it holds for; none: all
    swap: tuple[str, str] | None = None  # what to replace in the line, where that mends it
    wants_look: bool = False  # a careful reader would read around the line first
    is_in_comments: bool = False

    def holds(self, path: str, text: str) -> bool:
        """Whether the line is such a problem."""
        if self.suffixes and not path.lower().endswith(self.suffixes):
            return False
        if not self.is_in_comments and _COMMENT.match(text):
            return False
        return bool(self.pattern.search(text))

    def mended(self, text: str) -> str | None:
        """The line as it should be; None where that is not for a rule to say."""
        if self.swap is None:
            return None
        new = re.sub(self.swap[0], self.swap[1], text, count=1)
        return new if new != text else None


def _rule(pattern: str, title: str, body: str, **more: object) -> Rule:
    return Rule(pattern=re.compile(pattern), title=title, body=body, **more)  # type: ignore[arg-type]


RULES: Final[Sequence[Rule]] = (
    _rule(
        r"(?<![\w.])(?:eval|exec)\(",
        "Text from outside is run as code",
        "Whoever controls the text runs code with the rights of this process. Parse what is expected instead.",
        category="security",
        severity="high",
        suffixes=(*_PYTHON, *_SCRIPT, ".php", ".rb"),
    ),
    _rule(
        r"shell\s*=\s*True",
        "The command goes through a shell",
        "Characters such as `;` or `$(…)` in a value become commands. Pass a list of arguments, without a shell.",
        category="security",
        severity="high",
        suffixes=_PYTHON,
        wants_look=True,
    ),
    _rule(
        r"^\s*except\s*:",
        "Every error is caught, also those that should end the program",
        "An interrupt and a mistyped name are swallowed as well. Name the errors that are expected here.",
        suffixes=_PYTHON,
        swap=(r"except\s*:", "except Exception:"),
        wants_look=True,
    ),
    _rule(
        r"\bFIXME\b",
        "The change leaves a known fault in place",
        "The comment says that something is wrong here. Mend it, or say in the description why it can wait.",
        severity="low",
        is_in_comments=True,
    ),
    _rule(
        r"\.(?:inner|outer)HTML\s*\+?=(?!=)|dangerouslySetInnerHTML|document\.write\(",
        "Text is put into the page as HTML",
        "A value with a tag in it runs as script for whoever sees the page. Use `textContent`, or clean the value.",
        category="security",
        severity="high",
        suffixes=(*_SCRIPT, ".html"),
        wants_look=True,
    ),
    _rule(
        r"(?i)\b(?:execute|executemany|query|raw|prepareStatement|executeQuery)\(\s*"
        r"(?:f[\"'].*(?:select|insert|update|delete)\b.*\{"
        r"|[`\"'].*(?:select|insert|update|delete)\b.*(?:[\"']\s*(?:\+|%\s|\.format\()|\$\{))",
        "A query is put together from text",
        "A value with a quote in it changes the query. Pass the values as parameters.",
        category="security",
        severity="critical",
        wants_look=True,
    ),
    _rule(
        r"\byaml\.load\((?!.*(?:Safe|Base)Loader)|\bpickle\.loads?\(|\bmarshal\.loads\(|\bunserialize\(\s*\$_",
        "Data is read in a way that can run code",
        "Reading such data from outside can call any function. Use a safe loader or a plain format such as JSON.",
        category="security",
        severity="high",
        suffixes=(*_PYTHON, ".php"),
        swap=(r"\byaml\.load\(", "yaml.safe_load("),
    ),
    _rule(
        r"\bverify\s*=\s*False\b|InsecureSkipVerify:\s*true|rejectUnauthorized:\s*false|CURLOPT_SSL_VERIFYPEER,\s*(?:0|false)",
        "The server's certificate is not checked",
        "Anybody on the way can read and change what is sent. Leave the check on, and trust the right authority.",
        category="security",
        severity="high",
    ),
    _rule(
        r"^\s*(?:async\s+)?def \w+\(.*=\s*(?:\[\]|\{\}|set\(\)|list\(\)|dict\(\))\s*[,)]",
        "A default value is shared between all calls",
        "The list or mapping is made once and keeps what earlier calls put in. Use None and make it inside.",
        suffixes=_PYTHON,
        wants_look=True,
    ),
    _rule(
        r"\bassert\s*\(.+,\s*f?[\"'].*[\"']\s*\)\s*$",
        "The assertion is always true",
        "A tuple that holds something is true, whatever stands in it. Leave the parentheses out.",
        severity="low",
        suffixes=_PYTHON,
    ),
    _rule(
        r"(?:==|!=)\s*\"[^\"]*\"(?!\s*\.)",
        "Two strings are compared by identity",
        "`==` on strings compares references here, so equal texts may differ. Use `equals`.",
        suffixes=(".java",),
    ),
    _rule(
        r"(?<![\w.])(?:gets|strcpy|strcat|sprintf|vsprintf)\s*\(",
        "The length of what is copied is not checked",
        "A longer text than expected overwrites memory beside the buffer. Use a function that takes the size.",
        category="security",
        severity="high",
        suffixes=_C,
    ),
    _rule(
        r"(?i)^(?=.*(?:token|secret|passw|nonce|session|otp\b)).*\b(?:Math\.random\(\)|random\.(?:random|randint|choice)\()",
        "A secret is made from numbers that can be guessed",
        "This generator is not made for secrets. Use the one of the platform's cryptography.",
        category="security",
        severity="medium",
        suffixes=(*_PYTHON, *_SCRIPT),
    ),
    _rule(
        r"\bchmod\s+(?:-R\s+)?0?777\b|\bos\.chmod\(.*0o777",
        "Everybody on the machine may write here",
        "Any account can replace the file. Give only the rights that are needed.",
        category="security",
        severity="medium",
    ),
    _rule(
        r"\brm\s+-[rR]?f[rR]?\s+[\"']?\$\{?\w+\}?[\"']?/",
        "An empty variable makes this delete from the root",
        "If the variable is not set, the path begins at /. Use `${name:?}` so that the command stops instead.",
        severity="high",
        suffixes=(".sh", ".bash", ".zsh", "Dockerfile", ".yml", ".yaml"),
    ),
    _rule(
        r"catch\s*\(\s*\w*(?:\s+\w+)?\s*\)\s*\{\s*\}",
        "An error is caught and forgotten",
        "Nobody learns that this failed, and what follows works with what is not there. Handle it or let it through.",
        suffixes=(*_SCRIPT, *_JAVA, ".cs", ".php"),
        wants_look=True,
    ),
)


def rules_broken(path: str, text: str) -> Iterator[Rule]:
    """The rules by which an added line is a problem."""
    return (rule for rule in RULES if rule.holds(path, text))
