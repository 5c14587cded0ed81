"""Where the parts are joined: the only module that names concrete classes."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mesrai import __version__
from mesrai.analysers.analyser import Analyser
from mesrai.domain.connection import Connection
from mesrai.domain.selection import Selection
from mesrai.errors import CredentialMissing
from mesrai.forges.local import LocalSource, open_local
from mesrai.llm.model import Answer, Model, Prompt, UserTurn
from mesrai.settings import Settings

__all__ = ["LocalSource"]

NOT_CONNECTED = """No model is connected.
  export MOONSHOT_API_KEY=sk-…      or OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY, …
  mesrai review --offline           static analysers only: no key and no network
  mesrai doctor                     what is configured; docs/settings.md has every way to connect a model"""


def all_analysers() -> Sequence[Analyser]:
    """Every static analyser there is; one whose program is not installed covers nothing."""
    from mesrai.analysers.leftovers import Leftovers
    from mesrai.analysers.ruff import Ruff
    from mesrai.analysers.secrets import Secrets
    from mesrai.analysers.shell import Shellcheck
    from mesrai.analysers.structure import Structure
    from mesrai.analysers.workflows import Workflows
    from mesrai.analysers.zizmor import Zizmor

    return (Secrets(), Ruff(), Shellcheck(), Zizmor(), Workflows(), Structure(), Leftovers())


@asynccontextmanager
async def local_source(folder: Path, selection: Selection) -> AsyncIterator[LocalSource]:
    """The selected change of the repository around `folder`. Errors: NotARepository, UnknownRevision, SourceError."""
    async with await open_local(folder, selection) as source:
        yield source


@asynccontextmanager
async def model_for(settings: Settings, connections: Sequence[Connection]) -> AsyncIterator[Model]:
    """The connections as one model: each with retries and permits, the next one asked where one fails.

    Errors: CredentialMissing if there are none.
    """
    if not connections:
        raise CredentialMissing(NOT_CONNECTED)
    from mesrai.llm.dialect_anthropic import AnthropicMessages
    from mesrai.llm.dialect_openai import OpenAIChat
    from mesrai.llm.endpoint import Dialect
    from mesrai.llm.failover import Failover
    from mesrai.llm.limited import InProcessPermits, Limited
    from mesrai.llm.retrying import Retrying
    from mesrai.llm.transport import open_session

    permits = InProcessPermits()
    async with open_session(__version__) as session:

        def built(connection: Connection) -> Model:
            endpoint = settings.catalogue.endpoint_for(connection, settings.timeouts)
            is_openai = endpoint.dialect is Dialect.OPENAI
            asked = OpenAIChat(endpoint, session) if is_openai else AnthropicMessages(endpoint, session)
            limited = Limited(
                asked,
                permits,
                account=f"{connection.base_url}#{hash(connection.key)}",
                limit=connection.max_concurrent_requests,
            )
            return Retrying(limited, deadline_s=settings.timeouts.question_s)

        yield Failover([built(connection) for connection in connections])


async def ask_once(settings: Settings, connection: Connection) -> Answer:
    """Ask one connection a question of a few tokens, by the way that reviews go. Errors: ModelError."""
    async with model_for(settings, [connection]) as model:
        prompt = Prompt(
            system="You are asked whether you can be reached.",
            turns=(UserTurn(text="Answer with the single word: ready"),),
            max_output_tokens=2_000,
            thinking=connection.thinking,
        )
        return await model.ask(prompt)


def analyser_states() -> dict[str, str]:
    """Each analyser by name, with an empty text if it works and otherwise what it lacks."""
    from mesrai.analysers.program import find_program

    needed = {"ruff": "ruff", "shellcheck": "shellcheck", "zizmor": "zizmor"}
    hints = {"zizmor": "not installed; `pip install mesrai[workflows]` adds it"}
    missing = {name: hints.get(name, "not found") for name, program in needed.items() if not find_program(program)}
    return {each.name: missing.get(each.name, "") for each in all_analysers()}


def installed_version() -> str:
    """Mesrai's version and Python's, for people."""
    return f"mesrai {__version__}, Python {sys.version.split()[0]}"
