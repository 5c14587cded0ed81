"""How large a prompt is taken to be, and what names an account."""

from tests.endpoints import READ_FILE, SHAPE, a_prompt
from tests.scripted_model import a_profile

from mesrai.domain.secret import Secret
from mesrai.llm.accounts import account_of
from mesrai.llm.model import ModelTurn, ToolCall, ToolTurn, UserTurn
from mesrai.llm.sizing import prompt_tokens, request_tokens

PROFILE = a_profile(chars_per_token=3.5, max_output=8_000)


def test_a_prompt_has_a_token_for_some_letters_and_a_few_for_each_turn() -> None:
    assert prompt_tokens(a_prompt("x" * 700, system="y" * 350), PROFILE) == 300 + 8


def test_chinese_counts_in_full() -> None:
    assert prompt_tokens(a_prompt("审" * 700, system=""), PROFILE) == 600 + 8


def test_all_that_is_sent_counts() -> None:
    sizes = [
        prompt_tokens(prompt, PROFILE)
        for prompt in (
            a_prompt(),
            a_prompt(tools=(READ_FILE,)),
            a_prompt(shape=SHAPE),
            a_prompt(turns=(UserTurn(text="Review this."), ToolTurn(call_id="c1", text="x" * 70))),
            a_prompt(turns=(UserTurn(text="Review this."), ModelTurn(text="x" * 70))),
            a_prompt(turns=(UserTurn(text="Review this."), ModelTurn(replay={"reasoning": "x" * 70}))),
            a_prompt(
                turns=(
                    UserTurn(text="Review this."),
                    ModelTurn(tool_calls=(ToolCall(id="c", name="look", arguments="x" * 70),)),
                )
            ),
        )
    ]
    assert all(size > sizes[0] + 20 for size in sizes[1:])


def test_a_request_is_charged_for_all_that_may_be_answered() -> None:
    prompt = a_prompt(max_output_tokens=99_000)
    assert request_tokens(prompt, PROFILE) == prompt_tokens(prompt, PROFILE) + 8_000


def test_an_account_is_an_endpoint_and_a_key_whatever_the_model_and_the_surface() -> None:
    key = Secret("sk-kimi-0123456789abcdef")
    account = account_of("https://api.kimi.com/coding", key)
    assert (
        account == account_of("https://API.kimi.com/coding/v1/", key) == account_of("https://api.kimi.com/coding/", key)
    )
    assert account != account_of("https://api.kimi.ai/coding", key)
    assert account != account_of("https://api.kimi.com/coding", Secret("sk-kimi-0123456789abcdeF"))
    assert account_of("http://127.0.0.1:11434/v1", None) == "127.0.0.1:11434"


def test_an_account_s_name_never_changes_and_does_not_show_the_key() -> None:
    assert account_of("https://api.moonshot.ai/v1", Secret("sk-0123456789abcdef")) == "api.moonshot.ai#82b23a7a84293e5e"
