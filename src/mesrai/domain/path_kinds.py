"""What a path alone tells about a file: a test, an example, a text for people."""

import re
from functools import lru_cache
from typing import Final

_TEST: Final = re.compile(
    r"(?:^|/)(?:__)?(?:[a-z]+[_-])?(?:[Tt]ests?|specs?|testing|fixtures?|mocks?|stubs?|e2e|cypress|snapshots?|testdata)(?:__)?/"
    r"|(?:^|/)[a-z]+(?:Test|Spec)s?/|\.(?:Unit|Integration)?Tests?/"
    r"|(?:^|/)(?:test|spec|conftest|tests)(?:[_.-][^/]*)?$"
    r"|[_.-](?:test|tests|spec|specs|e2e|cy|stories|fixture|mock)s?\.[a-z]+$"
    r"|[a-z](?:Test|Tests|Spec|IT|TestCase)\.[a-z]+$",
)
_EXAMPLE: Final = re.compile(
    r"(?:^|/)(?:examples?|samples?|demos?|docs?|documentation|tutorials?|changelogs?|i18n|locales?|translations?)/"
    r"|[._-](?:example|sample|template|dist|tmpl)(?:\.[a-z]+)?$|\.(?:md|mdx|rst|adoc|txt|html?)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_test_path(path: str) -> bool:
    """Whether the file is a test or serves tests, by the customs of common languages."""
    return _TEST.search(path) is not None


@lru_cache(maxsize=4096)
def is_example_path(path: str) -> bool:
    """Whether the file is a text for people, or shows how something is used."""
    return _EXAMPLE.search(path) is not None
