"""The service as many processes on one database: a whole story over two doors and three workers, and small storms."""

from pathlib import Path

import pytest
from tests.chaos import Storm, storm_over
from tests.databases import a_database
from tests.fleet import a_fleet, spread
from tests.served import FAULTY, a_place, check_of, said, until

HELP = "What Mesrai does here"


def test_two_doors_and_three_workers_tell_the_story_that_one_process_tells(tmp_path: Path) -> None:
    with (
        a_database("postgresql", tmp_path) as url,
        a_place(tmp_path, url) as place,
        a_fleet(place, doors=2, workers=3) as fleet,
        spread(fleet) as bringing,
    ):
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        [finding] = pull.review_comments
        assert (finding.path, pull.line_of(finding)) == ("cart.py", 2)

        pull.push({"cart.py": "def total(items):\n    return sum(items) + 1\n"}, by="ada")
        until(lambda: check_of(place, pull.head_sha) == "success", "the new commit is green", place)
        until(lambda: pull.is_resolved(finding), "the fixed finding is resolved", place)

        calls = len(place.sandbox.calls)
        pull.say("ada", "@mesrai review --full")
        until(lambda: len(place.sandbox.calls) > calls, "somebody asked, so it is reviewed again", place)
        pull.say("ada", "@mesrai help")
        until(lambda: HELP in said(pull), "help is given", place)
        until(lambda: bringing.is_settled, "all was told", place)
        for delivery in list(place.github.deliveries):
            assert bringing.to_all_at_once(delivery) == [202, 202]

        other = place.shop.open_pull_request("other", {"cart.py": FAULTY}, author="ada")
        bringing.to_all_at_once(place.github.deliveries[-1])  # while it is told for the first time
        until(lambda: check_of(place, other.head_sha), "the other check has ended", place)
        pull.merge(by="ada")
        until(lambda: bringing.is_settled, "the merge was told", place)
    assert [len(each.review_comments) for each in (pull, other)] == [1, 1]
    assert sum(HELP in comment.body for comment in pull.comments) == 1
    ours = [[said for said in each.comments if said.user.login != "ada"] for each in (pull, other)]
    assert [len(comments) for comments in ours] == [2, 1], "a summary each, and the help"
    assert len(place.shop.checks) == len({check.sha for check in place.shop.checks}) == 3


@pytest.mark.parametrize(
    "storm",
    [
        Storm(
            engine="sqlite", jobs=12, kill_every_s=1.2, most_kills=6, doors=1, workers=0, act_every_s=0.3, quiet_s=60
        ),
        Storm(engine="postgresql", jobs=12, kill_every_s=0.8, most_kills=6, act_every_s=0.3, quiet_s=60),
    ],
    ids=["one process on SQLite", "five processes on PostgreSQL"],
)
def test_processes_that_are_killed_lose_nothing_and_double_nothing(tmp_path: Path, storm: Storm) -> None:
    told = storm_over(storm, tmp_path)
    assert told["wrong"] == [], (tmp_path / "service.log").read_text("utf-8")
    assert told["kills"] >= 2
