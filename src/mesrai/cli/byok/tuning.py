"""The options that tune a connection, the same for every command that has them."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from mesrai.cli.byok.completing import card_names
from mesrai.domain.connection import Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, SettingsError
from mesrai.llm.draft import Draft

_F = TypeVar("_F", bound=Callable[..., Any])
_MOST_JSON_CHARS: Final = 100_000
_LONGEST_NAME: Final = 40  # of a card, plan or provider

_COUNT: Final = click.IntRange(1)
_LEVEL: Final = click.Choice([str(each) for each in Thinking])
# option, field of Draft, type, metavar, help
_OPTIONS: Final = (
    ("--temperature", "temperature", click.FloatRange(0, 2), "X", "Sent as it is; refused where the model fixes it."),
    ("--max-output-tokens", "max_output_tokens", _COUNT, "N", "The most tokens of an answer, reasoning included."),
    ("--thinking", "thinking", _LEVEL, None, "How much the model reasons; medium, unless you say otherwise."),
    ("--custom-json", "custom_json", click.STRING, "TEXT", "Fields to send: JSON, or @FILE, or - for stdin."),
    ("--routing", "routing", click.STRING, "A,B", "OpenRouter: the hosts to try, in this order."),
    ("--max-concurrent", "max_concurrent_requests", _COUNT, "N", "The most requests in flight at once."),
    ("--tier", "tier", click.IntRange(0, 5), "N", "Your tier in the provider's table of rate limits."),
    ("--rpm", "requests_per_minute", _COUNT, "N", "Requests per minute."),
    ("--tpm", "tokens_per_minute", _COUNT, "N", "Tokens per minute, prompt and allowed answer together."),
    ("--tpd", "tokens_per_day", _COUNT, "N", "Tokens per day."),
)
LIMITS: Final = frozenset(
    ("max_concurrent_requests", "tier", "requests_per_minute", "tokens_per_minute", "tokens_per_day")
)
ORIGIN: Final = "the options of this command"
UNSET_NAMES: Final[Mapping[str, str]] = {option.removeprefix("--"): name for option, name, *_ in _OPTIONS}


def tuning_options(command: _F) -> _F:
    """Add the options that tune a connection."""
    command = click.option(
        "--no-routing-fallbacks", is_flag=True, help="OpenRouter: fail if none of these hosts serves the model."
    )(command)
    for option, name, kind, metavar, text in reversed(_OPTIONS):
        command = click.option(option, name, type=kind, metavar=metavar, help=text)(command)
    return command


def key_options(command: _F) -> _F:
    """Add the two ways to give a key without its being seen, and refuse the others."""
    command = click.option("--key", "--api-key", expose_value=False, hidden=True, callback=_refuse_key)(command)
    command = click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")(command)
    return click.option("--key-env", metavar="NAME", help="Take the key from this environment variable.")(command)


def card_argument(command: _F) -> _F:
    """Add CARD, which may be left out. A second one is refused without being repeated: it may be a key."""
    return click.argument("card", nargs=-1, metavar="[CARD]", shell_complete=card_names, callback=_at_most_one_card)(
        command
    )


def json_option(command: _F) -> _F:
    """Add --json."""
    return click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")(command)


def tuning_from(given: Mapping[str, Any]) -> Draft:
    """The tuning among a command's options. Errors: SettingsError, UsageError."""
    text = given.get("custom_json")
    if text == "-" and given.get("key_stdin"):
        raise click.UsageError(
            "--custom-json - and --key-stdin both read standard input; give one of them another way."
        )
    values: dict[str, Any] = {name: given.get(name) for _, name, *_ in _OPTIONS}
    values["thinking"] = Thinking(given["thinking"]) if given.get("thinking") else None
    values["custom_json"] = "" if text is None else _json_text(text)
    values["routing"] = tuple(host.strip() for host in (given.get("routing") or "").split(",") if host.strip())
    values["routing_fallbacks"] = False if given.get("no_routing_fallbacks") else None
    return Draft(**values, origins=(ORIGIN,))


@contextmanager
def said_of_options() -> Iterator[None]:
    """An error that is about the options alone needs no more to say where it comes from."""
    try:
        yield
    except (SettingsError, CredentialMissing) as error:
        told = error.message.removeprefix(f"{ORIGIN}: ")
        raise type(error)(told.replace("Set base_url.", "Give --base-url.")) from error


def fields_set(draft: Draft) -> frozenset[str]:
    """The names of what a draft says."""
    empty = Draft()
    names = [each.name for each in fields(Draft) if each.name != "origins"]
    return frozenset(name for name in names if getattr(draft, name) != getattr(empty, name))


def without(draft: Draft, names: Sequence[str], change: Draft) -> Draft:
    """The draft without these settings; custom JSON and the level that stands for it go together."""
    empty = Draft()
    dropped: dict[str, Any] = {name: getattr(empty, name) for name in names}
    if "routing" in names:
        dropped["routing_fallbacks"] = None
    is_custom = draft.thinking is Thinking.CUSTOM
    if change.thinking not in (None, Thinking.CUSTOM):
        dropped["custom_json"] = ""
    elif is_custom and ("custom_json" in names or "thinking" in names):
        dropped |= {"thinking": None, "custom_json": ""}
    elif change.custom_json:
        dropped["thinking"] = None
    return replace(draft, **dropped, proven_at="" if set(names) - LIMITS else draft.proven_at)


def key_given(given: Mapping[str, Any]) -> Secret | None:
    """The key from --key-env or --key-stdin; None if neither was given. Errors: UsageError, SettingsError."""
    from mesrai.llm.connecting import key_from

    name, is_stdin = given.get("key_env"), given.get("key_stdin")
    if name and is_stdin:
        raise click.UsageError("--key-env and --key-stdin do not go together.")
    if is_stdin:
        place, text = "--key-stdin", sys.stdin.read(_MOST_JSON_CHARS)
    elif name:
        place, text = "--key-env", os.environ.get(name, "")
        if not text.strip():
            # The name is not repeated: somebody may have given the key in its place.
            raise SettingsError("--key-env: the environment variable that is named here is not set.")
    else:
        return None
    key = key_from(text, place)
    if key is None:
        raise SettingsError(f"{place}: there is no key in it.")
    return key


def _json_text(given: str) -> str:
    if given == "-":
        return sys.stdin.read(_MOST_JSON_CHARS)
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"--custom-json: {given[1:]} cannot be read: {reason}.") from error


def _at_most_one_card(ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> str | None:
    if not ctx.resilient_parsing:
        for each in value:
            refuse_misplaced_key(each)
        if len(value) > 1:
            raise click.UsageError("Name one card.")
    return value[0] if value else None


def _refuse_key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        refuse_key()


def refuse_misplaced_key(name: str) -> str:
    """The name of a card, plan or provider. Errors: UsageError if somebody gave a key in its place."""
    if len(name) > _LONGEST_NAME or name.startswith(("sk-", "sk_")):
        refuse_key()
    return name


def refuse_key() -> NoReturn:
    """Errors: UsageError, which says how a key is given and never shows one."""
    raise click.UsageError(
        "A key is never an argument: it would stay in the shell's history and in the list of processes. "
        "Use --key-stdin or --key-env NAME, or let the command ask for it. If you typed a real key just now, "
        "replace it at the provider."
    )
