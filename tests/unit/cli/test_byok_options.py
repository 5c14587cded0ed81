import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from mesrai.cli.byok.card_words import window_text
from mesrai.cli.byok.completing import card_names, plan_names, provider_names
from mesrai.cli.byok.group import byok
from mesrai.cli.byok.tuning import (
    LIMITS,
    card_argument,
    fields_set,
    key_given,
    key_options,
    tuning_from,
    tuning_options,
    without,
)
from mesrai.cli.byok.wish import Wish, wish_from
from mesrai.domain.connection import Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import MesraiError, SettingsError
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.connecting import Draft, draft_from

CANARY = "sk-canary-0123456789-do-not-show"
PAGE = Path(__file__).parents[3] / "docs" / "byok.md"
CATALOGUE = load_catalogue()


@click.command()
@card_argument
@tuning_options
@key_options
def tune(**given: Any) -> None:
    draft, key = tuning_from(given), key_given(given)
    click.echo(json.dumps({"set": sorted(fields_set(draft)), "card": given["card"], "has_key": key is not None}))
    click.echo(repr(draft))


def run(*arguments: str, stdin: str = "", **env: str) -> Result:
    return CliRunner().invoke(tune, list(arguments), input=stdin, env=env)


def given(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.output.splitlines()[0])
    assert isinstance(found, dict)
    return found


def test_nothing_given_sets_nothing() -> None:
    assert given(run()) == {"set": [], "card": None, "has_key": False}


def test_each_option_sets_its_own_field() -> None:
    result = run(
        "--temperature", "0", "--max-output-tokens", "9", "--thinking", "off", "--custom-json", "{}",
        "--routing", "a, b", "--no-routing-fallbacks",
        "--max-concurrent", "3", "--tier", "0", "--rpm", "1", "--tpm", "2", "--tpd", "3",
    )  # fmt: skip
    assert given(result)["set"] == sorted([
        "custom_json", "max_concurrent_requests", "max_output_tokens", "requests_per_minute", "routing",
        "routing_fallbacks", "temperature", "thinking", "tier", "tokens_per_day", "tokens_per_minute",
    ])  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [["--key", CANARY], [f"--key={CANARY}"], ["--api-key", CANARY], [CANARY], ["kimi", CANARY], ["--key-env", CANARY]],
)
def test_key_in_the_wrong_place_is_refused_and_never_repeated(arguments: list[str]) -> None:
    result = run(*arguments)
    said = result.output + str(result.exception)
    assert result.exit_code != 0
    assert CANARY not in said
    assert "--key-stdin" in said or "is not set" in said


def test_key_comes_from_stdin_or_the_environment_and_is_cleaned() -> None:
    assert given(run("--key-stdin", stdin=f'  "{CANARY}"\n'))["has_key"]
    result = run("--key-env", "SOME_KEY", SOME_KEY=f" {CANARY}\r\n")
    assert given(result)["has_key"]
    assert CANARY not in result.output


def test_empty_key_is_an_error() -> None:
    assert isinstance(run("--key-stdin", stdin="\n").exception, MesraiError)


def test_error_of_the_options_speaks_of_options() -> None:
    with pytest.raises(SettingsError, match=r"^openai_compatible stands at an address of yours\. Give --base-url\.$"):
        Wish(slot=Slot.MAIN, provider="openai_compatible", model="m").connection(CATALOGUE)


def test_card_and_provider_are_not_given_together() -> None:
    result = CliRunner().invoke(byok, ["connect", "kimi-k2.6", "--provider", "openai", "--yes"])
    assert result.exit_code == 2
    assert "A card has its own provider" in result.output


def test_mistyped_command_is_told_with_the_one_that_is_meant() -> None:
    result = CliRunner().invoke(byok, ["conect"])
    assert result.exit_code == 2
    assert "Did you mean connect?" in result.output
    assert "Did you mean" not in CliRunner().invoke(byok, ["zzz"]).output


def test_two_readers_of_stdin_are_refused() -> None:
    assert "standard input" in run("--key-stdin", "--custom-json", "-", stdin="x").output
    assert "do not go together" in run("--key-stdin", "--key-env", "X", stdin="x").output


def test_custom_json_comes_from_a_file_or_stdin(tmp_path: Any) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"from": "file"}')
    assert '"from": "file"' in run("--custom-json", f"@{path}").output
    assert '"from": "stdin"' in run("--custom-json", "-", stdin='{"from": "stdin"}').output
    assert "cannot be read" in str(run("--custom-json", "@no-such-file").exception)


def a_wish(**changes: Any) -> Wish:
    card = CATALOGUE.card("kimi-k2.6")
    wish = Wish(slot=Slot.MAIN, card=card, key=Secret("sk-0123456789abcdef"), **changes)
    return wish.with_plan(CATALOGUE.plan_facts(card.id, "developer"))


def test_plan_changes_address_model_format_and_cap_together() -> None:
    wish = a_wish()
    before = wish.connection(CATALOGUE)
    after = wish.with_plan(CATALOGUE.plan_facts("kimi-k2.6", "code")).connection(CATALOGUE)
    assert (before.provider, before.base_url, before.model, before.max_concurrent_requests) == (
        "moonshot", "https://api.moonshot.ai/v1", "kimi-k2.6", None,
    )  # fmt: skip
    assert (after.provider, after.base_url, after.model, after.max_concurrent_requests) == (
        "kimi_code", "https://api.kimi.com/coding", "kimi-for-coding", 30,
    )  # fmt: skip


def test_switching_to_the_vendor_that_has_the_key_takes_the_cards_plan_there() -> None:
    switched = a_wish().with_provider("kimi_code", CATALOGUE)
    assert switched == a_wish().with_plan(CATALOGUE.plan_facts("kimi-k2.6", "code"))


def test_switching_without_a_card_keeps_a_model_that_is_known_there() -> None:
    manual = Wish(slot=Slot.MAIN, provider="moonshot", model="kimi-k3", base_url="https://api.moonshot.ai/v1")
    there = manual.with_provider("moonshot_cn", CATALOGUE)
    assert (there.provider, there.model, there.base_url) == ("moonshot_cn", "kimi-k3", "")
    unknown = Wish(slot=Slot.MAIN, provider="moonshot", model="kimi-k9").with_provider("kimi_code", CATALOGUE)
    assert unknown.model == "kimi-for-coding"


def test_model_that_was_named_stays_when_the_plan_changes() -> None:
    named = a_wish(model="kimi-k9-preview")
    assert named.with_provider("kimi_code", CATALOGUE).model == "kimi-k9-preview"


def test_given_cap_stands_over_the_plans() -> None:
    wish = a_wish(tuning=Draft(max_concurrent_requests=7)).with_provider("kimi_code", CATALOGUE)
    assert wish.connection(CATALOGUE).max_concurrent_requests == 7


def test_connection_goes_through_a_wish_unchanged() -> None:
    connection = a_wish(tuning=Draft(thinking=Thinking.OFF, tier=2)).connection(CATALOGUE)
    assert wish_from(draft_from(connection, CATALOGUE), Slot.MAIN).connection(CATALOGUE) == connection


@pytest.mark.parametrize(
    ("names", "change", "left"),
    [
        (["temperature"], Draft(), {"thinking", "custom_json", "routing", "routing_fallbacks"}),
        (["routing"], Draft(), {"temperature", "thinking", "custom_json"}),
        (["custom_json"], Draft(), {"temperature", "routing", "routing_fallbacks"}),
        ([], Draft(thinking=Thinking.LOW), {"temperature", "thinking", "routing", "routing_fallbacks", "proven_at"}),
    ],
)  # fmt: skip
def test_unsetting_takes_away_what_belongs_to_it(names: list[str], change: Draft, left: set[str]) -> None:
    before = Draft(
        temperature=1.0,
        thinking=Thinking.CUSTOM,
        custom_json="{}",
        routing=("a",),
        routing_fallbacks=False,
        proven_at="2026-01-01",
    )
    assert fields_set(without(before, names, change)) == left


def test_limits_alone_leave_what_was_proven() -> None:
    before = Draft(max_concurrent_requests=3, proven_at="2026-01-01")
    assert without(before, sorted(LIMITS), Draft()) == Draft(proven_at="2026-01-01")


@pytest.mark.parametrize(
    ("window", "text"), [(262_144, "256k"), (200_000, "200k"), (1_048_576, "1M"), (922_000, "922k")]
)
def test_window_is_said_as_people_say_it(window: int, text: str) -> None:
    assert window_text(window) == text


@pytest.mark.parametrize("line", sorted(set(re.findall(r"mesrai byok[^`\n|]*", PAGE.read_text("utf-8")))))
def test_every_command_of_the_page_exists(line: str) -> None:
    _, _, name, *rest = [*shlex.split(line), "show"] if line.strip() == "mesrai byok" else shlex.split(line)
    command = byok.get_command(click.Context(byok), name)
    assert command is not None
    command.make_context(name, rest)


def test_shell_completes_cards_plans_and_providers() -> None:
    context = click.Context(tune)
    assert "kimi-k2.6" in card_names(context, tune.params[0], "kimi-k2")
    context.params["card"] = "glm-5.1"
    assert plan_names(context, tune.params[0], "") == ["coding", "developer"]
    assert set(provider_names(context, tune.params[0], "moonshot")) == {"moonshot", "moonshot_cn"}
