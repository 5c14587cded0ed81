"""Which repository of a forge a local one came from."""

import asyncio
import os
from pathlib import Path

import pytest
from tests.repositories import a_repository

from mesrai.errors import NotARepository
from mesrai.forges.remote import find_remote, read_remote, read_repository_name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://github.com/acme/shop.git", "github.com/acme/shop"),
        ("https://GitHub.com/acme/shop/", "github.com/acme/shop"),
        ("https://ann:s3cret@github.com/acme/shop", "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("github.com:acme/shop", "github.com/acme/shop"),
        ("ssh://git@github.com:22/acme/shop.git", "github.com/acme/shop"),
        ("https://git.example:8443/acme/shop", "git.example:8443/acme/shop"),
        ("https://gitlab.example/group/sub/shop.git", "gitlab.example/group/sub/shop"),
        ("/srv/git/shop.git", None),
        ("../shop", None),
        ("file:///srv/acme/shop.git", None),
        ("https://github.com/shop", None),
        ("https://github.com/acme/../shop", None),
        ("https://[/acme/shop", None),
        ("ext::sh -c id", None),
        ("", None),
    ],
)
def test_an_address_names_a_repository_or_none(address: str, name: str | None) -> None:
    found = read_remote(address)
    assert (None if found is None else str(found)) == name


@pytest.mark.parametrize(("text", "name"), [("github.com/acme/shop", "github.com/acme/shop"), ("acme/shop", None)])
def test_a_name_is_told_with_its_host(text: str, name: str | None) -> None:
    found = read_repository_name(text)
    assert (None if found is None else str(found)) == name


def test_origin_is_asked(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "shop", {"a": "b\n"})
    (repository.root / "src").mkdir()
    assert asyncio.run(find_remote(repository.root, os.environ)) is None
    repository.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    assert str(asyncio.run(find_remote(repository.root / "src", os.environ))) == "github.com/acme/shop"
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotARepository):
        asyncio.run(find_remote(tmp_path / "empty", os.environ))
