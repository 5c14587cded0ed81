"""`mesrai sandbox`: the stand-in provider, to try everything without an account."""

import importlib.util
from pathlib import Path
from typing import Any, Final

import click

from mesrai.cli.day import Day
from mesrai.errors import SettingsError

_NEEDED: Final = ("starlette", "uvicorn")


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8471, show_default=True, help="0 takes a free one.")
@click.option("--latency", type=click.FloatRange(0), default=0, metavar="MS", help="Wait before each answer.")
@click.option(
    "--stream", type=click.FloatRange(0), default=0, metavar="MS", help="Spread each streamed answer so long."
)
@click.option(
    "--minute", type=click.FloatRange(0.01), default=60, metavar="S", help="How long a minute of limits lasts."
)
@click.option("--date", "on", type=Day(), metavar="DATE", help="Play the models of that day.")
@click.option("--answers", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Answers to give first.")
@click.option("--catalogue", type=click.Path(dir_okay=False, path_type=Path), help="Write the catalogue file here.")
@click.option("--open-gate", is_flag=True, help="Let every client ask the Kimi Code Plan's chat surface.")
@click.option("--json", "is_json", is_flag=True, help="Say where it listens as one line of JSON.")
def sandbox(**given: Any) -> None:
    """Run a stand-in for the model providers on this machine, to try Mesrai without an account.

    It plays Moonshot (both platforms), the Kimi Code Plan (both sites), OpenRouter, Anthropic, Z.ai (both plans),
    Google Gemini and an OpenAI-compatible address, with their limits and errors. Its "model" is a set of fixed
    rules, and says so.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"The stand-in provider needs {' and '.join(missing)}. Install with: pip install {' '.join(missing)}"
        )
    from mesrai.sandbox.manners import Manners
    from mesrai.sandbox.rules import answer_by_rule, answer_from_folder
    from mesrai.sandbox.serving import Serving, serve

    manners = Manners(
        answer=answer_from_folder(given["answers"]) if given["answers"] else answer_by_rule,
        latency_s=given["latency"] / 1000,
        stream_s=given["stream"] / 1000,
        minute_s=given["minute"],
        has_gate=not given["open_gate"],
        on=given["on"],
    )
    serve(Serving(manners=manners, port=given["port"], catalogue=given["catalogue"], is_json=given["is_json"]))
