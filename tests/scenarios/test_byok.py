"""Connecting a model at the terminal, as people and programs do it, against the stand-in."""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attended import Attended, at_a_terminal
from tests.in_process import mesrai_here
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, a_changed_repository, mesrai

KEY = "sk-sim-ok-tier3"
CODE_KEY = "sk-kimi-sim-ok"
LIMITS = "[limits]\nconnect_s = 2\nfirst_token_s = 3\nidle_s = 3\ntotal_s = 10\nquestion_s = 5\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


class Place:
    """Somebody's machine: a home, a database, and the stand-in in place of the vendors."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.work = folder / "work"
        self.work.mkdir()
        (folder / "home").mkdir()
        (folder / "home" / "config.toml").write_text(LIMITS)
        self.database = folder / "home" / "mesrai.db"
        self.env = {
            "MESRAI_DATABASE_URL": f"sqlite:///{self.database}",
            "MESRAI_CATALOGUE": str(sandbox.overlay(folder)),
            "MESRAI_CONFIG": str(folder / "home" / "config.toml"),
        }

    def byok(self, *arguments: str, stdin: str = "", **env: str) -> Ran:
        usual = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home")}
        return mesrai_here("byok", *arguments, cwd=self.work, env=usual | self.env | env, stdin=stdin)

    def connected(self, key: str = KEY, plan: str = "developer", *arguments: str) -> Ran:
        return self.byok("connect", "kimi-k2.6", "--plan", plan, "--key-stdin", "--yes", *arguments, stdin=key)

    def attended(self, *arguments: str, **env: str) -> Any:
        usual = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "PYTHONUTF8": "1"}
        return at_a_terminal("byok", *arguments, cwd=self.work, env=usual | self.env | env)

    def standing(self) -> dict[str, Any]:
        found = json.loads(self.byok("--json").out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def place(tmp_path: Path, sandbox: Sandbox) -> Place:
    return Place(tmp_path, sandbox)


def test_connect_tests_every_stage_and_saves(place: Place) -> None:
    arguments = ("connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes")
    ran = mesrai("byok", *arguments, cwd=place.work, env=place.env, stdin=KEY)
    assert ran.code == 0, ran.out + ran.err
    stages = [line.split()[1] for line in ran.out.splitlines() if line.lstrip().startswith(("ok ", "note "))]
    assert stages == ["Address", "Key", "Model", "First", "Tool", "Agreed"]
    assert "The test asks first what is free, then takes at most" in ran.out
    assert "Saved as main: kimi-k2.6 at Moonshot AI (international)." in ran.out
    main = place.standing()["slots"]["main"]
    assert (main["model"], main["base_url"], main["is_saved"]) == ("kimi-k2.6", place.sandbox.openai, True)
    assert main["proven_at"]
    assert main["thinking_sends"] == {"thinking": {"type": "enabled"}}


def test_program_gets_one_document(place: Place) -> None:
    ran = place.connected(KEY, "developer", "--json")
    told = json.loads(ran.out)
    assert (ran.code, ran.err, told["saved"], told["proven"], told["test"]["proven"]) == (0, "", True, True, True)
    assert told["connection"]["origin"] == "the saved main connection"
    assert [each["state"] in ("passed", "limited") for each in told["test"]["stages"]] == [True] * 6


def test_plan_fills_in_its_address_model_and_cap(place: Place) -> None:
    assert place.connected(CODE_KEY, "code").code == 0
    main = place.standing()["slots"]["main"]
    assert (main["base_url"], main["model"], main["max_concurrent_requests"]) == (
        place.sandbox.coding,
        "kimi-for-coding",
        30,
    )


def test_wrong_plan_is_named_and_nothing_is_saved(place: Place) -> None:
    ran = place.connected(KEY, "code")
    assert ran.code == 3
    assert "The key belongs to another plan." in ran.out
    assert "Switch to Moonshot AI (international)" in ran.out
    assert "mesrai byok connect kimi-k2.6 --plan developer\n" in ran.out
    assert "Nothing was saved." in ran.out
    assert place.standing()["slots"] == {"main": None, "fallback": None}


def test_program_gets_the_diagnosis_and_the_exit_code(place: Place) -> None:
    ran = place.connected(KEY, "code", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["saved"], told["test"]["diagnosis"]["problem"]) == (3, False, "wrong_plan")
    assert told["test"]["diagnosis"]["advice"][0]["step"] == "switch_plan"
    assert told["test"]["diagnosis"]["request_id"]


def test_force_saves_past_a_failure_and_marks_it(place: Place) -> None:
    ran = place.connected("sk-sim-broke", "developer", "--force")
    assert ran.code == 0
    assert "Saved as main, unproven" in ran.out
    assert place.standing()["slots"]["main"]["proven_at"] is None
    assert "never in full" in place.byok().out


def test_without_a_terminal_what_is_missing_is_named(place: Place) -> None:
    for arguments, named in [
        ([], "CARD"),
        (["kimi-k2.6"], "--plan (developer, code, code_global, mainland)"),
        (["kimi-k2.6", "--plan", "code"], "--key-env or --key-stdin"),
        (["glm-5.1", "--plan", "nonsense", "--key-env", "K"], "developer, coding"),
        (["kimi-k2.6", "--plan", "developer", "--key-env", "K"], "--yes"),
    ]:
        ran = place.byok("connect", *arguments, K=KEY)
        assert ran.code == 2, ran.out + ran.err
        assert named in ran.err


def test_manual_way_is_scriptable(place: Place) -> None:
    ran = place.byok(
        "connect", "--provider", "openai_compatible", "--base-url", place.sandbox.compat, "--model", "sim-model",
        "--key-env", "K", "--yes", "--thinking", "off", "--max-concurrent", "4", K="sk-compat-sim-ok",
    )  # fmt: skip
    assert ran.code == 0, ran.out + ran.err
    main = place.standing()["slots"]["main"]
    assert (main["provider"], main["thinking"], main["max_concurrent_requests"]) == ("openai_compatible", "off", 4)


def test_free_test_says_what_it_did_not_prove_and_asks_no_model(place: Place) -> None:
    place.connected()
    before = len(place.sandbox.calls)
    ran = place.byok("test")
    assert ran.code == 0
    assert "Not proven: " in ran.out
    assert "First answer" not in ran.out
    assert len(place.sandbox.calls) == before


def test_full_test_says_its_ceiling_first(place: Place) -> None:
    place.connected()
    ran = place.byok("test", "--full")
    assert ran.code == 0
    assert ran.out.index("takes at most") < ran.out.index("Address") < ran.out.index("The model answers")


def test_environments_own_connection_can_be_tested(place: Place) -> None:
    ran = place.byok("test", "--json", MOONSHOT_API_KEY="sk-sim-broke")
    told = json.loads(ran.out)
    assert (ran.code, told["slot"], told["full"]) == (0 if not told["failed"] else 4, "main", False)
    assert told["diagnosis"]["problem"] == "out_of_credit"
    assert not place.database.exists()


def test_limits_are_saved_at_once_and_the_rest_is_tested_again(place: Place) -> None:
    place.connected()
    asked = len(place.sandbox.calls)
    ran = place.byok("set", "--max-concurrent", "7", "--tier", "2")
    assert (ran.code, len(place.sandbox.calls)) == (0, asked)
    assert place.byok("set", "--thinking", "off", "--yes").code == 0
    assert len(place.sandbox.calls) > asked
    main = place.standing()["slots"]["main"]
    assert (main["max_concurrent_requests"], main["tier"], main["thinking"]) == (7, 2, "off")
    assert main["thinking_sends"] == {"thinking": {"type": "disabled"}}
    assert main["proven_at"]


def test_bad_custom_json_is_refused_with_its_place(place: Place) -> None:
    place.connected()
    ran = place.byok("set", "--custom-json", '{"thinking": {"type": disabled}}', "--yes")
    assert ran.code == 2
    assert "line 1, column 23" in ran.err


def test_unset_gives_back_what_is_usual(place: Place) -> None:
    place.connected(CODE_KEY, "code", "--max-concurrent", "3", "--custom-json", '{"metadata": {"user_id": "x"}}')
    assert place.byok("set", "--unset", "max-concurrent").code == 0
    assert place.standing()["slots"]["main"]["max_concurrent_requests"] == 30
    assert place.byok("set", "--unset", "custom-json", "--yes").code == 0
    main = place.standing()["slots"]["main"]
    assert (main["custom_json"], main["thinking"]) == (None, "medium")


def test_fallback_comes_after_main_and_main_goes_after_fallback(place: Place) -> None:
    fallback = ("fallback", "glm-5.1", "--plan", "developer", "--key-stdin", "--yes")
    refused = place.byok(*fallback, stdin="zai-sim-ok")
    assert refused.code == 3
    assert "Connect a main model first" in refused.err
    place.connected()
    assert place.byok(*fallback, stdin="zai-sim-ok").code == 0
    assert place.standing()["slots"]["fallback"]["provider"] == "zai"
    assert place.byok("remove", "--slot", "main", "--yes").code == 2
    assert place.byok("remove", "--slot", "fallback", "--yes").code == 0
    assert json.loads(place.byok("remove", "--slot", "main", "--yes", "--json").out)["removed"]
    assert place.byok("remove", "--slot", "main", "--yes").code == 2


def test_fixed_mode_is_shown_and_covered_only_on_request(place: Place) -> None:
    fixed = {
        "API_LLM_PROVIDER_MODEL": "kimi-k2.6",
        "API_OPENAI_FORCE_BASE_URL": place.sandbox.openai,
        "API_OPEN_AI_API_KEY": "sk-sim-ok-tier1",
    }
    connect = ("connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes")
    assert "it is used until a connection is saved over it" in " ".join(place.byok(**fixed).out.split())
    refused = place.byok(*connect, stdin=KEY, **fixed)
    assert refused.code == 2
    assert "--replace-fixed" in refused.err
    covered = place.byok(*connect, "--replace-fixed", "--json", stdin=KEY, **fixed)
    assert json.loads(covered.out)["covers_fixed"]
    removed = place.byok("remove", "--slot", "main", "--yes", **fixed)
    assert "The environment connects" in removed.out


def test_preview_shows_the_exact_request_without_the_key(place: Place) -> None:
    place.connected()
    ran = place.byok("preview", "--custom-json", '{"thinking": {"type": "enabled", "budget_tokens": 25000}}', "--json")
    told = json.loads(ran.out)
    assert told["url"] == f"{place.sandbox.openai}/chat/completions"
    assert told["body"]["thinking"] == {"type": "enabled", "budget_tokens": 25000}
    assert told["headers"]["Authorization"] == "Bearer ••••"
    assert place.standing()["slots"]["main"]["custom_json"] is None
    before = json.loads(place.byok("preview", "kimi-k2.6", "--thinking", "off", "--json").out)
    assert before["body"]["thinking"] == {"type": "disabled"}


def test_audit_tells_who_changed_what(place: Place) -> None:
    place.connected()
    place.byok("set", "--max-concurrent", "7")
    place.byok("remove", "--slot", "main", "--yes")
    entries = json.loads(place.byok("audit", "--json").out)["entries"]
    assert len(entries) == 3
    assert all(each["who"] and each["at"].endswith("+00:00") for each in entries)
    assert "main" in place.byok("audit", "--most", "1").out


def test_review_runs_on_what_was_saved(place: Place) -> None:
    place.connected()
    repository = a_changed_repository(place.folder / "repository")
    ran = mesrai("review", "--agent", cwd=repository.root, env=place.env)
    assert ran.code == 0, ran.err
    assert ran.review["models"][0]["model"] == "kimi-k2.6"


def test_lost_master_key_is_said_and_the_rest_still_shown(place: Place) -> None:
    place.connected()
    (place.folder / "home" / "master.key").unlink()
    shown = place.byok()
    assert (shown.code, "Locked: " in shown.out, "kimi-k2.6" in shown.out) == (0, True, True)
    refused = place.byok("test")
    assert refused.code == 3
    assert "Put it back from your copy" in refused.err
    assert place.byok("audit").code == 0
    assert place.connected().code == 0
    assert place.byok("test").code == 0


def test_rotating_a_lost_master_key_changes_nothing_and_says_why(place: Place) -> None:
    place.connected()
    (place.folder / "home" / "master.key").unlink()
    ran = place.byok("rotate-master-key")
    assert (ran.code, "Put it back from your copy" in ran.err) == (3, True)
    assert not (place.folder / "home" / "master.key").exists()


def test_custom_json_that_the_provider_refuses_is_not_saved_without_it(place: Place) -> None:
    place.connected()
    custom = '{"thinking": {"type": "enabled", "budget_tokens": 25000}}'
    ran = place.byok("set", "--custom-json", custom, "--yes")
    assert (ran.code, "setting" in ran.out.lower(), "budget_tokens" in ran.out) == (4, True, True)
    assert "budget_tokens" not in json.dumps(place.standing())


def test_rotated_master_key_opens_what_was_saved(place: Place) -> None:
    place.connected()
    before = (place.folder / "home" / "master.key").read_bytes()
    assert json.loads(place.byok("rotate-master-key", "--json").out) == {"sealed_anew": 1}
    assert (place.folder / "home" / "master.key").read_bytes() != before
    assert place.byok("test").code == 0


def test_environment_over_what_is_saved_is_shown_as_such(place: Place) -> None:
    place.connected()
    shown = place.byok(MESRAI_THINKING="off")
    assert "MESRAI_THINKING in the environment" in shown.out
    assert "covers" in shown.out
    again = place.byok("set", "--thinking", "high", "--yes", MESRAI_THINKING="off")
    assert "But MESRAI_THINKING in the environment wins over what is saved" in again.out


def test_known_outage_is_shown_and_saving_anew_ends_it(place: Place) -> None:
    assert "unproven" in place.connected("sk-sim-broke", "developer", "--force").out
    repository = a_changed_repository(place.folder / "repository")
    assert mesrai("review", cwd=repository.root, env=place.env).code == 4
    assert "no credit left" in place.standing()["slots"]["main"]["outage"]["told"]
    assert "tried again after" in place.byok().out
    place.connected()
    assert place.standing()["slots"]["main"]["outage"] is None


CANARY = "sk-sim-canary-7Qx9Lm2Vb8Tz4Kp6Rw1Ny3Hd5Gs0Jf"


def test_canary_key_is_found_nowhere(place: Place) -> None:
    runs = [
        place.connected(CANARY),
        place.connected(CANARY, "code", "--force"),
        place.connected(CANARY, "developer", "--json", "--force"),
        place.byok("connect", "kimi-k2.6", CANARY),
        place.byok("connect", "--key", CANARY),
        place.byok(), place.byok("--json"), place.byok("test", "--full"), place.byok("test", "--json"),
        place.byok("preview"), place.byok("preview", "--json"),
        place.byok("set", "--thinking", "off", "--yes", "--force"),
        place.byok("audit"), place.byok("audit", "--json"), place.byok("rotate-master-key"),
        place.byok("remove", "--slot", "main", "--yes"),
    ]  # fmt: skip
    for ran in runs:
        assert CANARY not in ran.out + ran.err
        assert CANARY[8:] not in ran.out + ran.err
        assert "Traceback" not in ran.err
    for file in (place.folder / "home").rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes()


def type_key(terminal: Attended, key: str) -> None:
    terminal.sees("Key (not shown")
    terminal.types(key)


def test_person_goes_from_card_to_plan_to_key_to_saved(place: Place) -> None:
    with place.attended("connect") as terminal:
        assert "Kimi K2.6 Coding" in terminal.sees("Which model as main? [1]:")
        terminal.types("1")
        plans = terminal.sees("Which plan is your key from? [1]:")
        assert place.sandbox.coding in plans
        assert "Personal interactive use only" in plans
        terminal.types("code")
        assert "Get a key: " in terminal.sees("Key (not shown)")
        terminal.types(f'  "{CODE_KEY}"  ')
        terminal.sees("Change advanced settings? Now: thinking medium, 30 requests at once.")
        terminal.types("")
        assert "takes at most" in terminal.sees("Test it now? [Y/n]:")
        terminal.types("")
        terminal.sees("Saved as main: kimi-for-coding")
        assert terminal.ends() == 0
        assert CODE_KEY not in terminal.text
    assert place.standing()["slots"]["main"]["provider"] == "kimi_code"


def test_wrong_plan_is_put_right_with_one_key_stroke(place: Place) -> None:
    with place.attended("connect", "kimi-k2.6", "--plan", "code", "--yes") as terminal:
        type_key(terminal, KEY)
        assert "The key belongs to another plan." in terminal.sees("Switch to Moonshot AI (international)? [Y/n]:")
        terminal.types("")
        terminal.sees("Saved as main: kimi-k2.6")
        assert terminal.ends() == 0
    assert place.standing()["slots"]["main"]["provider"] == "moonshot"


def test_vendors_other_addresses_are_asked_only_after_a_yes(place: Place) -> None:
    with place.attended("connect", "kimi-k2.6", "--plan", "developer", "--yes") as terminal:
        type_key(terminal, "sk-sim-cn-ok")
        terminal.sees("Ask there, free of charge? [Y/n]:")
        terminal.types("y")
        terminal.sees("Switch to Moonshot AI (mainland China)? [Y/n]:")
        terminal.types("y")
        terminal.sees("Saved as main: kimi-k2.6 at Moonshot AI (mainland China)")
        assert terminal.ends() == 0


def test_custom_json_that_cannot_be_used_is_asked_for_again_at_once(place: Place) -> None:
    with place.attended("connect", "--provider", "openai_compatible", "--model", "sim-model") as terminal:
        terminal.sees("Base URL:")
        terminal.types(place.sandbox.compat)
        type_key(terminal, "sk-compat-sim-ok")
        terminal.sees("Change advanced settings?")
        terminal.types("y")
        terminal.sees("Thinking [3]:")
        terminal.types("0.5")  # no choice: neither a number from 1 to 5 nor a name
        terminal.sees("Type a number from 1 to 5")
        terminal.types("custom")
        terminal.sees("Custom JSON, on one line:")
        terminal.types('{"seed": }')
        terminal.sees("line 1, column 10")
        terminal.types('{"seed": 7}')
        terminal.sees("Temperature")
        assert terminal.stops() == 130
        assert "\nStopped." in terminal.text


def test_manual_way_asks_in_its_order(place: Place) -> None:
    with place.attended("connect") as terminal:
        terminal.sees("Which model as main?")
        terminal.types("manual")
        terminal.sees("Provider:")
        terminal.types("openai_compatible")
        terminal.sees("Base URL:")
        terminal.types("not an address")
        terminal.sees("Base URL:")
        terminal.types(place.sandbox.compat)
        terminal.sees("Model:")
        terminal.types("sim-model")
        type_key(terminal, "sk-compat-sim-ok")
        terminal.sees("Change advanced settings?")
        terminal.types("y")
        terminal.sees("Thinking [3]:")
        terminal.types("off")
        for unusable in ("warm", "7"):
            terminal.sees("Temperature")
            terminal.types(unusable)
        terminal.sees("from 0 to 2")
        terminal.sees("Temperature")
        terminal.types("0.2")
        terminal.sees("Max output tokens")
        terminal.types("")
        terminal.sees("Max concurrent requests")
        terminal.types("5")
        terminal.sees("Test it now?")
        terminal.types("y")
        terminal.sees("Saved as main: sim-model")
        assert terminal.ends() == 0
    main = place.standing()["slots"]["main"]
    assert (main["thinking"], main["temperature"], main["max_concurrent_requests"]) == ("off", 0.2, 5)


def test_ctrl_c_stops_at_once_and_saves_nothing(place: Place) -> None:
    with place.attended("connect", "kimi-k2.6", "--plan", "code") as terminal:
        terminal.sees("Key (not shown)")
        assert terminal.stops() == 130
        assert "Stopped." in terminal.text


def test_ctrl_c_ends_a_test_that_hangs(place: Place) -> None:
    with place.attended("connect", "kimi-k2.6", "--plan", "developer", "--yes") as terminal:
        type_key(terminal, "sk-sim-stall")
        terminal.sees("First answer")
        assert terminal.stops() == 130
        assert "Stopped." in terminal.text
    assert place.standing()["slots"]["main"] is None


def test_another_key_can_be_entered_where_one_is_refused(place: Place) -> None:
    with place.attended("connect", "glm-5.1", "--plan", "developer", "--yes") as terminal:
        type_key(terminal, "zai-sim-bad_key")
        terminal.sees("Ask there, free of charge? [Y/n]:")
        terminal.types("n")
        terminal.sees("Enter another key? [Y/n]:")
        terminal.types("")
        type_key(terminal, "zai-sim-ok")
        terminal.sees("Saved as main: glm-5.1")
        assert terminal.ends() == 0


def test_another_account_is_offered_with_a_key_of_its_own(place: Place) -> None:
    with place.attended("connect", "kimi-k2.6", "--plan", "code", "--yes") as terminal:
        type_key(terminal, "sk-kimi-sim-expired")
        terminal.sees("Switch to Moonshot AI (international), with a key of its own? [y/N]:")
        terminal.types("y")
        type_key(terminal, KEY)
        terminal.sees("Saved as main: kimi-k2.6 at Moonshot AI (international)")
        assert terminal.ends() == 0


def test_setting_that_cannot_be_used_is_refused_before_the_key_is_asked_for(place: Place) -> None:
    ran = place.byok("connect", "kimi-k2.6", "--plan", "developer", "--temperature", "0.2")
    assert ran.code == 2
    assert "cannot be set" in ran.err


def test_no_is_no(place: Place) -> None:
    with place.attended("connect", "kimi-k2.6", "--plan", "developer", "--thinking", "off") as terminal:
        type_key(terminal, KEY)
        terminal.sees("Test it now?")
        terminal.types("n")
        terminal.sees("Nothing was tested and nothing was saved.")
        assert terminal.ends() == 2
    assert place.standing()["slots"]["main"] is None


def test_covering_fixed_mode_is_asked_first(place: Place) -> None:
    env = {
        "API_OPEN_AI_API_KEY": KEY,
        "API_OPENAI_FORCE_BASE_URL": place.sandbox.openai,
        "API_LLM_PROVIDER_MODEL": "kimi-k2.6",
    }
    with place.attended("connect", "kimi-k2.6", "--plan", "code", **env) as terminal:
        assert KEY not in terminal.sees("Save another one over it? [y/N]:")
        terminal.types("")
        assert terminal.ends() != 0


def test_database_holds_no_key_in_clear(place: Place) -> None:
    place.connected()
    with sqlite3.connect(place.database) as connection:
        rows = "\n".join(connection.iterdump())
    assert KEY not in rows
