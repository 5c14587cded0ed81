"""The steps of the demo: what each shows, the command that shows it, and how it must end."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of the demo."""

    title: str
    arguments: Sequence[str]  # after `mesrai`
    stdin: str = ""
    shown_stdin: str = ""  # how the command line shows where its input comes from
    fault: str = ""  # what the stand-in's main account does from here on
    codes: Sequence[int] = (0,)  # exit codes that are as it should be


def steps(main_key: str, fallback_key: str) -> Sequence[Step]:
    """All of them, in order."""
    return (
        Step(
            title="Connect a main model: the Kimi K2.6 card, Developer API plan. Every stage of the test is shown, and "
            "the connection is saved only if the model really answered.",
            arguments=("byok", "connect", "kimi-k2.6", "--plan", "developer-api", "--key-stdin", "--yes"),
            stdin=main_key,
            shown_stdin='printf %s "$KEY" | ',
        ),
        Step(
            title="Connect a fallback with another provider, so that a review does not depend on one account.",
            arguments=("byok", "fallback", "glm-5.1", "--plan", "developer-api", "--key-stdin", "--yes"),
            stdin=fallback_key,
            shown_stdin='printf %s "$KEY" | ',
        ),
        Step(title="What is connected now. The keys are sealed in the database.", arguments=("byok", "show")),
        Step(title="The main job: review what is not committed yet.", arguments=("review",)),
        Step(
            title="Now the main account runs out of credit. The same review again: it completes on the fallback, and "
            "says so.",
            arguments=("review",),
            fault="quota",
        ),
        Step(
            title="And if a key is pasted for the wrong plan? The test says which plan the key belongs to; nothing is "
            "saved.",
            arguments=("byok", "connect", "kimi-k2.6", "--plan", "kimi-code", "--key-stdin", "--yes"),
            stdin=main_key,
            shown_stdin='printf %s "$KEY" | ',
            codes=(3,),
        ),
        Step(title="What all of this cost, by model.", arguments=("usage", "--by", "model")),
    )
