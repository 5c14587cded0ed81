"""An address for git is a plain one or refused, whatever it is made of."""

import re
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from mesrai.errors import SourceError
from mesrai.forges.clone_address import CloneAddress, read_address

PIECES = st.lists(
    st.sampled_from(
        ["https", "http", "ext", "file", "ssh", "://", "::", "/", "github.com", "127.0.0.1", "localhost", "[::1]",
         ":80", ":99999", "@", "hunter2:", "..", ".", "o", "r.git", "?", "#", " ", "\n", "\0", "--upload-pack=x",
         "%2e%2e", "\\", "é", "Ⅷ", "*"]
    ),
    max_size=9,
).map("".join)  # fmt: skip


@given(st.text(max_size=30) | PIECES | PIECES.map(lambda rest: f"https://github.com/{rest}"))
def test_any_text_is_a_plain_address_or_refused(text: str) -> None:
    try:
        address = read_address(text)
    except SourceError as refused:
        said = refused.message
    else:
        said = ""
        assert_plain(address)
    assert "hunter2" not in said


def assert_plain(address: CloneAddress) -> None:
    parts = urlsplit(address.url)
    assert (parts.username, parts.password, parts.query, parts.fragment) == (None, None, "", "")
    assert parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")
    assert re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", parts.path)
    assert not {".", ".."} & set(parts.path.split("/"))
    assert read_address(address.url) == address
    assert re.fullmatch("[0-9a-f]{40}", address.key)
