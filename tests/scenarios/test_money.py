"""What a review costs, before and after, and where the budget ends it: the command against the stand-in provider."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.repositories import Repository, a_repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import a_changed_repository, connected, mesrai

PRICED = """
[[model]]
id = "sim-model"
providers = ["openai_compatible"]
window = 262_144
max_output = 32_768
as_of = "2026-09-29"
source = "a test"
[[model.prices]]
providers = ["openai_compatible"]
input = 0.95
cached = 0.16
output = 4.00
currency = "USD"
as_of = "2026-09-29"
source = "a test"
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def small(tmp_path: Path) -> Repository:
    return a_changed_repository(tmp_path / "repository")


@pytest.fixture
def env(tmp_path: Path, sandbox: Sandbox) -> dict[str, str]:
    """The stand-in with a price."""
    (tmp_path / "rows.toml").write_text(PRICED)
    return connected(sandbox.openai) | {"MESRAI_CATALOGUE": str(tmp_path / "rows.toml")}


def test_the_estimate_is_said_and_nothing_is_asked(small: Repository, env: dict[str, str], sandbox: Sandbox) -> None:
    before = len(sandbox.calls)
    ran = mesrai("review", "--estimate", cwd=small.root, env=env)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("This review would cost about 0.0")
    assert ran.out.endswith("tokens on sim-model (prices of 2026-09-29).\n")
    assert len(sandbox.calls) == before


def test_a_review_within_its_budget_goes_through_and_lies_in_its_own_estimate(
    small: Repository, env: dict[str, str]
) -> None:
    said = json.loads(mesrai("review", "--estimate", "--format", "json", cwd=small.root, env=env).out)["estimate"]
    review = mesrai("review", "--budget", "0.50", "--format", "json", cwd=small.root, env=env).review
    assert (review["outcome"], review["estimate"]) == ("reviewed", said)
    assert said["low"]["cost"] <= review["usage"]["cost"] <= said["high"]["cost"]


def test_a_review_that_its_budget_forbids_fails_and_says_why(
    small: Repository, env: dict[str, str], sandbox: Sandbox
) -> None:
    before = len(sandbox.calls)
    ran = mesrai("review", "--budget", "0.001", cwd=small.root, env=env)
    assert ran.code == 4
    assert "The budget of this review, 0.0010 USD, allows no further question" in ran.out
    assert len(sandbox.calls) == before


def test_a_budget_is_refused_where_no_price_is_known(small: Repository, sandbox: Sandbox) -> None:
    ran = mesrai("review", "--budget", "0.50", cwd=small.root, env=connected(sandbox.openai))
    assert ran.code == 2
    assert "A budget cannot be kept for sim-model: its price is not known" in ran.err


def test_what_was_spent_is_remembered_once_there_is_a_store(
    small: Repository, env: dict[str, str], tmp_path: Path
) -> None:
    stored = env | {"MESRAI_DATABASE_URL": f"sqlite:///{tmp_path}/mesrai.db"}

    def run(*arguments: str, code: int = 0) -> str:
        ran = mesrai(*arguments, cwd=small.root, env=stored)
        assert ran.code == code, ran.out + ran.err
        return ran.out

    assert run("usage").startswith("Nothing is recorded. ")
    assert not (tmp_path / "mesrai.db").exists()
    assert "20.00 USD a month" in run("usage", "budget", "--month", "20")
    review = json.loads(run("review", "--format", "json"))
    usage = json.loads(run("usage", "--by", "repository", "--json"))
    assert [(line["key"], line["reviews"]) for line in usage["lines"]] == [("repository", 1)]
    assert usage["total"]["calls"] == review["usage"]["calls"]
    assert usage["total"]["costs"] == {"USD": pytest.approx(review["usage"]["cost"], abs=1e-6)}
    assert usage["budget"]["spent"] == usage["total"]["costs"]["USD"]
    run("usage", "budget", "--month", "0.0001")
    assert "The budget of this month, 0.0001 USD, allows no further question" in run("review", code=4)
    run("usage", "budget", "--month", "20", "--currency", "CNY")
    assert run("review", code=2) == ""
    assert run("usage", "budget", "--clear") == "The budget is removed; nothing limits what reviews cost.\n"


def test_the_store_sees_every_batch_of_a_larger_review(tmp_path: Path, env: dict[str, str]) -> None:
    repository = a_repository(tmp_path / "large", {"README": "x\n"})
    for at in range(12):
        lines = "".join(f"value_{line} = {line}\n" for line in range(400))
        repository.write(f"m{at:02}.py", f"{lines}# FIXME\n")
    stored = env | {"MESRAI_DATABASE_URL": f"sqlite:///{tmp_path}/mesrai.db"}
    mesrai("usage", "budget", "--month", "20", "--review", "2", cwd=repository.root, env=stored)
    review = mesrai("review", "--format", "json", cwd=repository.root, env=stored).review
    usage = json.loads(mesrai("usage", "--json", cwd=repository.root, env=stored).out)
    assert review["outcome"] == "reviewed"
    assert usage["total"]["calls"] == review["usage"]["calls"] >= 12
    for name in ("input_tokens", "cached_tokens", "output_tokens"):
        assert usage["total"][name] == review["usage"][name]
    assert usage["budget"]["reserved"] == 0
