"""What a diagnosis advises as single clicks, and what each changes."""

import pytest

from mesrai.domain.connection import Slot
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.flows.offering import Deed, Offer, deed_in, followed, offers_for, offers_of
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.probing import Advice, Diagnosis, Home, Problem, Step, Verdict
from mesrai.llm.wish import Wish

CATALOGUE = load_catalogue()


def offered(problem: Problem, *advice: Advice) -> tuple[Offer, ...]:
    return offers_for(Diagnosis(problem=problem, told="t", advice=advice), CATALOGUE)


def test_a_key_of_another_plan_is_taken_along_to_it() -> None:
    switch = Advice(step=Step.SWITCH_PLAN, told="Switch.", provider="kimi_code", base_url="https://api.kimi.com/coding")
    (offer,) = offered(Problem.WRONG_PLAN, switch)
    assert (offer.does, offer.label, offer.elsewhere) == (
        "switch kimi_code", "Switch to Kimi Code Plan (kimi.com)", "",
    )  # fmt: skip


def test_a_switch_for_which_another_key_is_needed_takes_no_key_along() -> None:
    switch = Advice(step=Step.SWITCH_PLAN, told="Or use it.", provider="moonshot", link="https://platform.kimi.ai")
    assert offered(Problem.QUOTA_SPENT, switch) == (
        Offer(told="Or use it.", link="https://platform.kimi.ai", elsewhere="moonshot"),
    )
    wait = Advice(step=Step.REPLACE_KEY, told="New key.")
    assert offered(Problem.BAD_KEY, wait, switch)[1].elsewhere == "moonshot"
    assert offered(Problem.BAD_KEY, switch, wait)[0].does == "switch moonshot"


def test_each_step_that_a_click_can_do_has_its_button() -> None:
    found = offered(
        Problem.UNKNOWN_MODEL,
        Advice(step=Step.PICK_MODEL, told="a", model="org/some model"),
        Advice(step=Step.FIX_ADDRESS, told="b", base_url="https://x.example/v1"),
        Advice(step=Step.SEARCH_PLANS, told="c"),
        Advice(step=Step.WAIT, told="d"),
        Advice(step=Step.LOWER_CAP, told="e"),
        Advice(step=Step.ADD_FUNDS, told="f", link="javascript:alert(1)"),
    )
    assert [each.does for each in found] == [
        "model org/some model", "address https://x.example/v1", "search", "again", "", "",
    ]  # fmt: skip
    assert found[-1].link == ""


def test_what_a_click_sends_changes_the_wish_and_nothing_else_does() -> None:
    card = CATALOGUE.card("kimi-k2.6")
    wish = Wish(slot=Slot.MAIN, card=card, key=Secret("k")).with_plan(CATALOGUE.plan_facts(card.id, "developer"))

    def after(does: str) -> Wish:
        return followed(wish, *deed_in(does), CATALOGUE)

    assert after("switch kimi_code") == wish.with_plan(CATALOGUE.plan_facts(card.id, "code"))
    assert after("switch kimi_code https://gate.example/coding").base_url == "https://gate.example/coding"
    assert after("model org/some model").model == "org/some model"
    assert after("address https://x.example/v1").base_url == "https://x.example/v1"
    for same in (Deed.AGAIN, Deed.FORCE, Deed.COVER, Deed.SEARCH):
        assert after(str(same)) == wish
    for wrong in ("", "switch", "model", "delete all", "Switch kimi_code"):
        with pytest.raises(SettingsError):
            deed_in(wrong)
    with pytest.raises(SettingsError):
        after("switch nobody")


def test_only_an_address_that_took_the_key_is_offered() -> None:
    homes = tuple(
        Home(provider="moonshot_cn", name="N", base_url="https://a", verdict=verdict, told=str(verdict))
        for verdict in Verdict
    )
    assert [each.does for each in offers_of(homes)] == ["switch moonshot_cn", "", "", ""]
    assert [each.told for each in offers_of(homes)] == [str(verdict) for verdict in Verdict]
