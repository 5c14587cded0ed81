"""What files in git say, read from a GitHub as the service does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.github.stand_in import GitHub, running_github
from tests.web.stand import Person, Stand, a_site

from mesrai.domain.roles import Role
from mesrai.store.repositories import repositories

SECRET = "a-webhook-secret-of-some-length"


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with running_github(tmp_path / "github") as made:
        files = {
            "mesrai-config.yml": "maxFiles: 40\n",
            ".mesrai/rules/cents.md": "---\ntitle: Cents\nscope: file\n---\nMoney is in cents.\n",
            "cart.py": "a = 1\n",
        }
        shop = made.repository("acme/shop", files)
        shop.open_pull_request("count", {"cart.py": "a = 2\n"}, title="Count")
        yield made


@pytest.fixture
def stand(tmp_path: Path, github: GitHub) -> Iterator[Stand]:
    with a_site(tmp_path, env={"MESRAI_GITHUB_URL": github.url}) as made:
        yield made


def connected(stand: Stand, github: GitHub) -> tuple[Person, str]:
    """Somebody who connected it, and the repository's name."""
    owner = stand.member(Role.OWNER)
    told = {
        "kind": "app",
        "app_id": str(github.app.id),
        "private_key": github.app.private_key,
        "webhook_secret": SECRET,
    }
    assert owner.post("/organization/github", told, seen="/organization/github").status == 303
    (shop,) = stand.run(repositories(stand.house.database, "default"))
    return owner, shop.name


def test_the_files_of_a_repository_are_shown_with_links_and_read_once_for_a_while(stand: Stand, github: GitHub) -> None:
    owner, shop = connected(stand, github)
    text = owner.get(f"/configuration?repository={shop}").text
    assert f'<a href="{github.url}/acme/shop/blob/HEAD/mesrai-config.yml#L1"' in text
    assert 'name="maxFiles" value="40"' in text
    rules = owner.get(f"/rules?repository={shop}").text
    assert "acme/shop:.mesrai/rules/cents.md:1" in rules
    asked = len(github.requests)
    owner.get(f"/configuration?repository={shop}")
    assert len(github.requests) == asked


def test_a_repository_that_cannot_be_read_is_told_of(stand: Stand, github: GitHub) -> None:
    owner, shop = connected(stand, github)
    stand.run(stand.house.database.rows("UPDATE repositories SET name = :name", name=f"{shop}-gone"))
    text = owner.get(f"/configuration?repository={shop}-gone").text
    assert "What the files in git say is not known now: acme/shop-gone cannot be read: " in text
    assert "central repository" not in text


def test_a_trial_on_the_host_without_a_model_says_what_is_missing(stand: Stand, github: GitHub) -> None:
    owner, shop = connected(stand, github)
    told = {"repository": shop, "title": "Cents", "number": "1", "action": "estimate"}
    assert "No model is connected." in owner.post("/rules/try", told, seen="/account").text
