"""What a person asks for by the options of a command, and the command that follows a piece of advice."""

from dataclasses import dataclass, replace

from mesrai.cli.byok.tuning import ORIGIN, said_of_options
from mesrai.domain.connection import Connection, Slot
from mesrai.llm import wish as wishes
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.draft import Draft
from mesrai.llm.probing import Advice, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish(wishes.Wish):
    """What the options of a command asked for."""

    origin: str = ORIGIN

    def connection(self, catalogue: Catalogue) -> Connection:
        """The connection it describes. Errors: SettingsError, CredentialMissing; they speak of options."""
        with said_of_options():
            return wishes.Wish.connection(self, catalogue)


def wish_from(draft: Draft, slot: Slot) -> Wish:
    """The wish for what a draft says."""
    return Wish(
        slot=slot,
        provider=draft.provider,
        base_url=draft.base_url,
        model=draft.model,
        key=draft.key,
        tuning=replace(draft, provider="", base_url="", model="", key=None),
    )


def command_following(advice: Advice, asked: Connection, catalogue: Catalogue) -> str:
    """The command that follows a piece of advice on a connection; empty if there is none."""
    slot = "" if asked.slot is Slot.MAIN else f" --slot {asked.slot}"
    if advice.step is Step.SWITCH_PLAN and advice.provider:
        plan = wishes.plan_there(asked, advice.provider, catalogue)
        where = f"{plan[0]} --plan {plan[1]}" if plan else f"--provider {advice.provider}"
        return f"mesrai byok connect {where}{slot}"
    if advice.step is Step.LOWER_CAP:
        return f"mesrai byok set --max-concurrent N{slot}"
    return ""
