"""A terminal that uses its team's connection: signed in, it reviews without a key."""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.stand import Counter, an_interface
from tests.in_process import mesrai_here
from tests.repositories import Repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, a_changed_repository, clean_environment, connected

from mesrai.domain.connection import Thinking
from mesrai.domain.roles import Right, Role
from mesrai.llm.model import AnswerShape, ModelTurn, Prompt, Tool, ToolCall, ToolTurn, UserTurn
from mesrai.llm.questions import Question, prompt_of, question_of


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@dataclass(frozen=True)
class Team:
    """A server with a connected model, and a member's terminal."""

    counter: Counter
    shop: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        return self.counter.stand.url

    def token(self, *rights: Right, role: Role = Role.MEMBER) -> str:
        program = self.counter.program(role, rights or None)
        return program.headers["authorization"].removeprefix("Bearer ")

    def run(self, *arguments: str, stdin: str = "", **env: str) -> Ran:
        return mesrai_here(*arguments, cwd=self.shop, env=self.env | env, stdin=stdin)

    def signs_in(self) -> str:
        word = self.token(Right.ASK_MODEL)
        ran = self.run("auth", "login", self.url + "/", "--token-stdin", stdin=word + "\n")
        assert ran.code == 0, ran.err
        return word


@pytest.fixture
def team(tmp_path: Path, sandbox: Sandbox) -> Iterator[Team]:
    shop = a_changed_repository(tmp_path / "shop")
    told = connected(sandbox.openai) | {"MESRAI_ALLOWED_HOSTS": f"127.0.0.1:{sandbox.port}"}
    (tmp_path / "server").mkdir()
    with an_interface(tmp_path / "server", env=told) as counter:
        yield Team(counter, shop.root, clean_environment(shop.root))


def test_a_review_uses_the_servers_connection_and_its_key_stays_there(team: Team) -> None:
    assert team.run("review").code == 3
    word = team.signs_in()
    ran = team.run("review", "--format", "json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["outcome"], told["models"][0]["model"]) == ("reviewed", "sim-model")
    assert told["usage"]["calls"] >= 1
    assert "sk-sim-ok" not in ran.out + ran.err + "".join(
        path.read_text("utf-8", "replace") for path in team.shop.parent.joinpath("home").rglob("*") if path.is_file()
    )
    rows = team.counter.stand.run(team.counter.stand.house.database.rows("SELECT review, repository FROM spending"))
    assert {(str(row["review"]).split("-")[0], row["repository"]) for row in rows} == {("cli", "shop")}
    assert len({row["review"] for row in rows}) == 1
    kept = team.shop.parent / "home" / "server.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {"url": team.url, "token": word}
    assert "This review would cost" in team.run("review", "--estimate").out


def test_what_the_team_saved_holds_in_the_terminal_too(team: Team, sandbox: Sandbox) -> None:
    admin = team.counter.program()
    shop = Repository(team.shop)
    shop.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    for text, repository, paths in (("Money is cents.", "", []), ("Carts are small.", "github.com/acme/shop", ["*.py"]),
                                    ("Other.", "github.com/acme/other", [])):  # fmt: skip
        assert admin.post("/memories", {"text": text, "repository": repository, "paths": paths}).status == 201
    seal = admin.get("/configuration").json["seal"]
    rules = "rules:\n  - title: Loud\n    rule: SQL is loud.\n"
    assert admin.put("/configuration", {"text": rules, "seen": seal}).status == 200
    team.signs_in()
    before = len(sandbox.stage.calls)
    assert team.run("review").code == 0
    asked = json.dumps([call.body for call in sandbox.stage.calls[before:]])
    told = [text in asked for text in ("Money is cents.", "Carts are small.", "Other.", "SQL is loud.")]
    assert told == [True, True, False, True]
    assert "SQL is loud." in team.run("rules", "view", "Loud").out
    assert "what is saved for the organisation" in team.run("config", "show", "--set", "--json").out


def test_status_tells_who_and_what_and_logout_forgets(team: Team) -> None:
    assert team.run("auth", "status").code == 3
    word = team.signs_in()
    told = json.loads(team.run("auth", "status", "--json").out)
    assert (told["server"], told["role"], told["is_used"]) == (team.url, "member", True)
    assert "ask_model" in told["rights"]
    local = connected("http://127.0.0.1:9/v1")
    assert "Reviews here ask sim-model" in team.run("auth", "status", **local).out
    doctor = team.run("doctor")
    assert (doctor.code, f"the model of {team.url}" in doctor.out) == (0, True), doctor.out
    assert word not in team.run("auth", "token").out
    assert "Signed out" in team.run("auth", "logout").out
    assert "nothing was changed" in team.run("auth", "logout").out
    assert team.run("review").code == 3


def test_a_pipeline_signs_in_by_its_environment(team: Team) -> None:
    env = {"MESRAI_API_URL": team.url, "MESRAI_TOKEN": team.token(Right.ASK_MODEL, role=Role.ADMIN)}
    assert json.loads(team.run("review", "--format", "json", **env).out)["outcome"] == "reviewed"
    half = team.run("review", MESRAI_API_URL=team.url)
    assert (half.code, "MESRAI_API_URL is set without MESRAI_TOKEN" in half.err) == (2, True)


def test_a_token_that_is_unknown_or_may_not_is_refused_and_not_kept(team: Team) -> None:
    for word, code, sentence in (
        ("mesrai_unknown", 3, "does not accept the token"),
        (team.token(Right.RUN_REVIEWS, Right.SEE_REVIEWS), 2, "may not ask_model"),
        ("", 2, "That is no token"),
    ):
        ran = team.run("auth", "login", team.url, "--token-stdin", stdin=word + "\n")
        assert (ran.code, sentence in ran.err) == (code, True), ran.err
        assert "mesrai_unknown" not in ran.err
    env = {"MESRAI_API_URL": team.url, "MESRAI_TOKEN": "mesrai_unknown"}
    ran = team.run("review", **env)
    assert (ran.code, "does not accept the token" in ran.out + ran.err) == (3, True)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://mesrai.example.com", "begins with https://"),
        ("https://me:secret@mesrai.example.com", "without anything else"),
        ("ftp://localhost", "begins with https://"),
        ("https://", "without anything else"),
    ],
)
def test_a_token_goes_to_no_address_that_is_not_safe(team: Team, url: str, sentence: str) -> None:
    ran = team.run("auth", "login", url, "--token-stdin", stdin="mesrai_x\n")
    assert (ran.code, sentence in ran.err) == (2, True)
    assert "secret" not in ran.err


def test_a_failure_of_the_model_comes_through_as_what_it_is(tmp_path: Path, sandbox: Sandbox) -> None:
    shop = a_changed_repository(tmp_path / "shop")
    told = connected(sandbox.openai, "sk-sim-no_credit") | {"MESRAI_ALLOWED_HOSTS": f"127.0.0.1:{sandbox.port}"}
    (tmp_path / "server").mkdir()
    with an_interface(tmp_path / "server", env=told) as counter:
        team = Team(counter, shop.root, clean_environment(shop.root))
        team.signs_in()
        ran = team.run("review")
    assert (ran.code, "credit" in ran.out + ran.err) == (4, True), ran.out + ran.err


def test_a_server_without_a_model_says_so(tmp_path: Path) -> None:
    shop = a_changed_repository(tmp_path / "shop")
    (tmp_path / "server").mkdir()
    with an_interface(tmp_path / "server") as counter:
        team = Team(counter, shop.root, clean_environment(shop.root))
        team.signs_in()
        ran = team.run("review")
        question = {"review": "0" * 8, "system": "", "turns": [{"by": "reviewer", "text": "x"}]}
        assert counter.program().post("/model/questions", question).code == "conflict"
    assert (ran.code, "The server has no model to ask" in ran.err) == (3, True), ran.err


def test_a_budget_that_cannot_be_kept_is_told(team: Team) -> None:
    team.signs_in()
    ran = team.run("review", "--budget", "0.01")
    assert (ran.code, "price" in ran.out + ran.err) == (4, True), ran.out + ran.err


TEXT = st.text(max_size=20)
TURNS = st.one_of(
    st.builds(UserTurn, text=TEXT),
    st.builds(ToolTurn, call_id=TEXT, text=TEXT),
    st.builds(
        ModelTurn,
        text=TEXT,
        tool_calls=st.lists(st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT), max_size=2).map(tuple),
        replay=st.dictionaries(TEXT, TEXT, max_size=2),
    ),
)


@given(
    turns=st.lists(TURNS, min_size=1, max_size=3),
    thinking=st.sampled_from([None, *Thinking]),
    may=st.booleans(),
    has_shape=st.booleans(),
)
def test_a_question_comes_over_as_it_was(
    turns: list[UserTurn | ModelTurn | ToolTurn], thinking: Thinking | None, may: bool, has_shape: bool
) -> None:
    prompt = Prompt(
        system="You review.",
        turns=tuple(turns),
        tools=(Tool(name="read_file", description="Read.", parameters={"type": "object"}),),
        may_call_tools=may,
        shape=AnswerShape(name="submit", description="Hand in.", schema={"type": "object"}) if has_shape else None,
        thinking=thinking,
        cache_key="k",
    )
    sent = msgspec.json.encode(question_of(prompt, review="0" * 32, repository="r", budget="0.5"))
    assert prompt_of(msgspec.json.decode(sent, type=Question)) == prompt
