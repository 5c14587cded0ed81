import pytest

from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.forges.github.git_access import GitAccess, git_access
from mesrai.forges.github.place import GITHUB_COM, Place, place_at

SERVER = Place(
    host="github.example.com",
    web="https://github.example.com",
    api="https://github.example.com/api/v3",
    graphql="https://github.example.com/api/graphql",
)


@pytest.mark.parametrize("url", ["https://github.com", "github.com", "https://api.github.com/", "https://GitHub.com"])
def test_github_com_is_known_by_any_of_its_addresses(url: str) -> None:
    assert place_at(url) == GITHUB_COM


@pytest.mark.parametrize(
    "url", ["https://github.example.com", "github.example.com/", "https://github.example.com/api/v3/"]
)
def test_enterprise_server_has_its_api_below_its_host(url: str) -> None:
    assert place_at(url) == SERVER


@pytest.mark.parametrize("url", ["https://octo.ghe.com", "https://api.octo.ghe.com"])
def test_enterprise_cloud_has_its_api_at_a_host_of_its_own(url: str) -> None:
    assert place_at(url) == Place(
        host="octo.ghe.com",
        web="https://octo.ghe.com",
        api="https://api.octo.ghe.com",
        graphql="https://api.octo.ghe.com/graphql",
    )


def test_this_machine_may_be_spoken_to_in_plain_http() -> None:
    assert place_at("http://127.0.0.1:8080") == Place(
        host="127.0.0.1:8080",
        web="http://127.0.0.1:8080",
        api="http://127.0.0.1:8080",
        graphql="http://127.0.0.1:8080/graphql",
    )
    assert place_at("http://127.0.0.1:8080/api/v3").api == "http://127.0.0.1:8080/api/v3"


@pytest.mark.parametrize(
    "url",
    [
        "http://github.example.com",
        "http://127.0.0.1.example.com",
        "ftp://github.com",
        "https://user:pass@github.example.com",
        "https://github.example.com/acme/shop",
        "https://github.example.com?x=1",
        "https://",
        "https://[::1",
        "https://host:99999",
        "",
    ],
)
def test_address_that_is_no_github_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        place_at(url)


def test_git_gets_an_address_without_a_secret_and_a_header_that_prints_as_dots() -> None:
    access = git_access(SERVER, RepositoryName(forge="github.example.com", owner="acme", name="shop"), Secret("tok"))

    assert access == GitAccess(
        url="https://github.example.com/acme/shop.git",
        header=Secret("Authorization: Basic eC1hY2Nlc3MtdG9rZW46dG9r"),
    )
    assert "eC1h" not in repr(access)
