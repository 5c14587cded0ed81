"""The links of the pages: each leads somewhere, and every page is found from the README."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(<?([^()\s<>]+(?:\([^()\s]*\))?)>?(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_NAMED = re.compile(r"<a\s[^>]*(?:id|name)=\"([^\"]+)\"")


def links_of(page: Path) -> Iterator[str]:
    """Where a page leads to within the repository."""
    text = _CODE.sub("``", _FENCED.sub("", page.read_text("utf-8")))
    for found in _LINK.finditer(text):
        if not re.match(r"[a-z][a-z0-9+.-]*:", found[1]):
            yield unquote(found[1])


def target_of(page: Path, link: str) -> Path:
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def anchors_of(page: Path) -> set[str]:
    """The anchors that a forge gives the headings, and those that are written."""
    text = _FENCED.sub("", page.read_text("utf-8"))
    found: set[str] = set(_NAMED.findall(text))
    for heading in _HEADING.findall(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (anchor := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(anchor)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_of_a_page_is_dead(page: Path) -> None:
    dead = []
    for link in links_of(page):
        target, anchor = target_of(page, link), link.partition("#")[2]
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_found_from_the_readme() -> None:
    found, ahead = {README}, [README]
    while ahead:
        page = ahead.pop()
        for link in links_of(page):
            target = target_of(page, link)
            pages = target.glob("*.md") if target.is_dir() else [target]
            new = {each for each in pages if each.suffix == ".md" and each.exists()} - found
            found |= new
            ahead += new
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in found] == []


def test_links_and_anchors_are_read_as_a_forge_reads_them(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        '# One & two: `x`\n\n[a](b.md#c) `[no](no.md)` [w](https://x.example) <a id="own"></a>\n\n'
        "```sh\n# not one\n[no](no.md)\n```\n\n## Same\n\n## Same\n"
    )
    assert list(links_of(page)) == ["b.md#c"]
    assert anchors_of(page) == {"one--two-x", "own", "same", "same-1"}
