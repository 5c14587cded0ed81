"""What a model wrote, as HTML that can do nothing."""

import re
from html import unescape
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.server.web.markdown import markdown, plain_line

KEY = "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z" * 2
ALLOWED = {"p", "strong", "code", "pre", "ul", "ol", "li"}


class Tags(HTMLParser):
    """The tags of a text, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append((tag, attrs))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_paragraphs_lists_and_code_are_shown_as_such() -> None:
    text = "# Why\n\nUse **one** `x < 1`:\n\n1. first\n   - inner\n2. second\n\n```python\nif a < b:\n    pass\n```\n"
    assert str(markdown(text)).split("\n") == [
        "<p><strong>Why</strong></p>",
        "<p>Use <strong>one</strong> <code>x &lt; 1</code>:</p>",
        "<ol><li>first<ul><li>inner</li></ul></li><li>second</li></ol>",
        '<pre tabindex="0"><code>if a &lt; b:',
        "    pass</code></pre>",
    ]


def test_links_pictures_and_html_are_only_words() -> None:
    html = str(markdown('[x](javascript:alert(1)) ![p](http://evil/p.png) <b onclick="x">b</b> <!-- hidden -->'))
    assert {tag for tag, _ in Tags(html).opened} == {"p"}
    assert '<b onclick="x">b</b> <!-- hidden -->' in unescape(html)


def test_a_list_that_begins_deep_loses_nothing() -> None:
    html = str(markdown("    - a\n  - b\n- c\n    - d"))
    assert re.sub(r"<[^>]+>", " ", html).split() == ["a", "b", "c", "d"]
    Tags(html)


def test_credentials_are_taken_out() -> None:
    assert KEY not in str(markdown(f"The key `{KEY}` is valid.\n\n```\n{KEY}\n```"))
    assert KEY not in str(plain_line(f"Leaks {KEY}"))


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("<>&\"'`*-#|[]()! \n\t1.aé\x1b\u202e"), max_size=80))
def test_whatever_is_written_only_our_own_tags_come_out_each_closed(text: str) -> None:
    for html in (str(markdown(text)), str(plain_line(text))):
        tags = Tags(html)
        assert tags.open == []
        assert {tag for tag, _ in tags.opened} <= ALLOWED
        assert [attributes for _, attributes in tags.opened if attributes not in ([], [("tabindex", "0")])] == []
        assert not re.search("[\x1b\u202e]", html)
