"""What people tell the service to remember, from the comment to the next review's questions."""

import json
from pathlib import Path

from tests.databases import a_new_file
from tests.served import FAULTY, a_place, check_of, said, serving, until

SUM = "def total(items):\n    return sum(items) + 1\n"


def test_a_convention_is_remembered_for_later_reviews_and_forgotten_again(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path)) as place, serving(place):
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)

        pull.say("ada", "@mesrai remember: totals are counted in cents")
        until(lambda: "Remembered as memory 1:" in said(pull), "it is remembered", place)
        calls = len(place.sandbox.calls)
        pull.push({"cart.py": SUM}, by="ada")
        until(lambda: check_of(place, pull.head_sha) == "success", "the new commit is green", place)
        assert "totals are counted in cents" in json.dumps([each.body for each in place.sandbox.calls[calls:]])

        pull.say("ada", "@mesrai forget 1")
        until(lambda: "decide on what is remembered" in said(pull), "who may only write does not decide", place)
        place.shop.grant("ada", "maintain")
        pull.say("ada", "@mesrai forget 1")
        until(lambda: "It is forgotten" in said(pull), "it is forgotten", place)
        calls = len(place.sandbox.calls)
        pull.say("ada", "@mesrai review --full")
        until(lambda: len(place.sandbox.calls) > calls, "it is reviewed again", place)
        assert "totals are counted" not in json.dumps([each.body for each in place.sandbox.calls[calls:]])
