"""People speak to the service in threads and in the conversation: whole processes against stand-ins."""

from pathlib import Path

from tests.databases import a_new_file
from tests.github.played import PlayedPull
from tests.github.records import IssueComment, ReviewComment
from tests.served import FAULTY, SECRET, a_place, check_of, said, serving, started, until

RULES = "I am a set of fixed rules and no model"


def ours(pull: PlayedPull) -> list[ReviewComment]:
    """What the service wrote in threads."""
    return [each for each in pull.review_comments if each.user.login.endswith("[bot]")]


def states(pull: PlayedPull, comment: IssueComment | ReviewComment) -> list[str]:
    """What is shown on a comment."""
    return [each.content for each in pull.reactions(comment)]


def test_a_question_in_a_thread_gets_one_answer_there_and_strangers_get_none(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path)) as place, serving(place):
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        [finding] = pull.review_comments

        before = len(place.sandbox.calls)
        ignored = pull.reply("stranger", finding, "@mesrai is that so?")
        until(lambda: states(pull, ignored) == ["eyes"], "a stranger is shown that nothing is done", place)
        assert len(place.sandbox.calls) == before

        question = pull.reply("ada", finding, "@mesrai why is that bad here?")
        until(lambda: states(pull, question) == ["hooray"], "the question is answered", place)
        [_, answer] = ours(pull)
        assert RULES in answer.body
        assert "cart.py, line 2" in answer.body
        assert "kimi-k2.6" in answer.body
        assert len(pull.comments) == 1, "nothing of it stands in the conversation"

        asked = pull.say("ada", "@mesrai what does this change?")
        until(lambda: states(pull, asked) == ["hooray"], "the conversation is answered too", place)
        assert said(pull).count(RULES) == 1

        for delivery in list(place.github.deliveries):
            place.github.redeliver(delivery)
        settle = pull.reply("ada", finding, "@mesrai resolve")
        until(lambda: states(pull, settle) == ["hooray"], "the thread is settled", place)
        assert pull.is_resolved(finding)
        assert len(ours(pull)) == 3, "the finding, the answer, and a word that it is settled"
        assert said(pull).count(RULES) == 1


def test_a_service_that_is_killed_over_a_question_goes_on_with_it(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path), latency_s=0.25) as place:
        place.env["MESRAI_LEASE_S"] = "3"
        process, address = started(place)
        try:
            place.github.webhooks_to(f"{address}/webhooks/github", SECRET)
            pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
            [finding] = pull.review_comments
            before = len(place.sandbox.calls)
            question = pull.reply("ada", finding, "@mesrai why is that bad here?")
            until(lambda: len(place.sandbox.calls) == before + 1, "the question is in flight", place)
        finally:
            process.kill()
            process.wait(10)
        assert states(pull, question) == ["rocket"]
        with serving(place):
            until(lambda: states(pull, question) == ["hooray"], "the question is answered", place)
        assert len(ours(pull)) == 2, "the finding, and one answer"
        assert len(place.sandbox.calls) <= before + 2, "no more is paid twice than what was in flight"
