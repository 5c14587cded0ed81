"""Pull requests from the webhook to the posted review: the service against stand-ins for GitHub and the model."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.databases import ENGINES, a_database
from tests.served import FAULTY, a_place, check_of, said, serving, until

HELP = "What Mesrai does here"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pull_request_from_its_opening_to_its_merge(tmp_path: Path, engine: str) -> None:
    with a_database(engine, tmp_path) as url, a_place(tmp_path, url) as place, serving(place) as address:
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        [finding] = pull.review_comments
        assert "Text from outside is run as code" in finding.body
        assert (finding.path, pull.line_of(finding)) == ("cart.py", 2)
        assert len(pull.comments) == 1, "one summary"
        assert "kimi-k2.6" in said(pull)

        pull.push({"cart.py": "def total(items):\n    return sum(items) + 1\n"}, by="ada")
        until(lambda: check_of(place, pull.head_sha) == "success", "the new commit is green", place)
        assert until(lambda: pull.is_resolved(finding), "the fixed finding is resolved", place)
        assert len(pull.review_comments) == 1
        assert len(pull.comments) == 1, "the summary is edited, not repeated"

        calls = len(place.sandbox.calls)
        pull.say("ada", "@mesrai review --full")
        until(lambda: len(place.sandbox.calls) > calls, "somebody asked, so it is reviewed again", place)
        pull.say("stranger", "@mesrai pause")
        pull.say("ada", "@mesrai help")
        until(lambda: HELP in said(pull), "help is given", place)
        for delivery in list(place.github.deliveries):
            place.github.redeliver(delivery)
        place.github.settle()
        pull.merge(by="ada")
        with urlopen(f"{address}/health/ready") as ready:
            assert json.load(ready) == {"ready": True, "broken": []}
    assert len(pull.review_comments) == 1
    assert sum(HELP in comment.body for comment in pull.comments) == 1
