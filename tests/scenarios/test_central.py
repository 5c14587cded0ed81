"""A central repository configures the review of a pull request, from the webhook to what is posted."""

from pathlib import Path

from tests.databases import a_database
from tests.served import CLEAN, FAULTY, Place, a_place, check_of, said, serving, until


def with_central(place: Place) -> Place:
    place.env["MESRAI_CENTRAL_REPOSITORY"] = "acme/rules"
    return place


def test_pull_requests_are_reviewed_as_the_central_repository_says(tmp_path: Path) -> None:
    with a_database("sqlite", tmp_path) as url, a_place(tmp_path, url) as place:
        rules = place.github.repository(
            "acme/rules",
            {
                "mesrai-config.yml": "ignoredTitleKeywords: [skip me]\n",
                "shop/lib/mesrai-config.yml": "ignoredTitleKeywords: []\n",
            },
        )
        before = len(place.sandbox.calls)
        with serving(with_central(place)):
            pull = place.shop.open_pull_request("first", {"cart.py": FAULTY}, title="Skip me please", author="ada")
            until(lambda: check_of(place, pull.head_sha) == "neutral", "the title is one that is left out", place)
            assert (pull.review_comments, len(place.sandbox.calls)) == ([], before)

            inside = place.shop.open_pull_request("second", {"lib/a.py": FAULTY}, title="Skip me please", author="ada")
            until(lambda: inside.review_comments, "the folder has another configuration", place)

            rules.push({"mesrai-config.yml": "maxFile: 3\n"})
            broken = place.shop.open_pull_request("third", {"cart.py": CLEAN + "\n"}, author="ada")
            until(lambda: "unknown key" in said(broken), "a broken configuration is told", place)
            assert "acme/rules:mesrai-config.yml:1: unknown key" in said(broken).replace("\\", "")
            assert check_of(place, broken.head_sha) == "failure"

            rules.vanish()
            gone = place.shop.open_pull_request("fourth", {"cart.py": CLEAN + "\n\n"}, author="ada")
            until(lambda: "The central repository acme/rules cannot be read" in said(gone), "that is told", place)
            assert check_of(place, gone.head_sha) == "failure", "without it nothing is reviewed"
