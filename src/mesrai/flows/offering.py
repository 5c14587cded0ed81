"""What a diagnosis advises as single deeds: what a button says, what it sends, and what it changes of the wish."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from mesrai.errors import SettingsError
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.probing import Advice, Diagnosis, Home, Step, Verdict
from mesrai.llm.wish import Wish, takes_same_key
from mesrai.review.render.untrusted import one_line

_MOST_SHOWN: Final = 80
_UNKNOWN: Final = "That is none of the offers. Load the page again and repeat."


class Deed(StrEnum):
    """What one click does, before the connection is tested again."""

    SWITCH = "switch"  # to a provider, perhaps at an address
    MODEL = "model"
    ADDRESS = "address"
    SEARCH = "search"  # ask the vendor's other addresses whose key it is
    AGAIN = "again"
    FORCE = "force"  # save it all the same, unproven
    COVER = "cover"  # save it over what the environment connects


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One piece of advice."""

    told: str
    label: str = ""  # of the button that does it; empty: only a person can
    does: str = ""  # what the button sends: a deed, and what it is done with
    link: str = ""  # where a person does it
    elsewhere: str = ""  # the provider that takes a key of its own


def offers_for(found: Diagnosis, catalogue: Catalogue) -> tuple[Offer, ...]:
    """The advice of a diagnosis, the likeliest first."""
    return tuple(offer for advice in found.advice for offer in _offers(found, advice, catalogue))


def offers_of(homes: tuple[Home, ...]) -> tuple[Offer, ...]:
    """What the vendor's other addresses said of a key: switch to those that took it."""
    return tuple(
        Offer(
            told=home.told,
            label=f"Switch to {home.name}" if home.verdict is Verdict.ACCEPTED else "",
            does=f"{Deed.SWITCH} {home.provider}" if home.verdict is Verdict.ACCEPTED else "",
        )
        for home in homes
    )


def deed_in(does: str) -> tuple[Deed, tuple[str, ...]]:
    """The deed a button sent, and what it is done with. Errors: SettingsError for none of ours."""
    name, *words = does.split(" ")
    if name not in set(Deed) or (name in (Deed.SWITCH, Deed.MODEL, Deed.ADDRESS) and not words):
        raise SettingsError(_UNKNOWN)
    return Deed(name), tuple(words)


def followed(wish: Wish, deed: Deed, words: tuple[str, ...], catalogue: Catalogue) -> Wish:
    """The wish as the deed changes it. Errors: SettingsError for a provider that nobody knows."""
    if deed is Deed.SWITCH:
        changed = wish.with_provider(words[0], catalogue)
        return replace(changed, base_url=words[1]) if len(words) > 1 else changed
    if deed is Deed.MODEL:
        return wish.elsewhere(model=" ".join(words))
    if deed is Deed.ADDRESS:
        return wish.elsewhere(base_url=words[0])
    return wish


def _offers(found: Diagnosis, advice: Advice, catalogue: Catalogue) -> Iterator[Offer]:
    told = one_line(advice.told, 500)
    link = advice.link if advice.link.startswith("https://") else ""
    if advice.step is Step.SWITCH_PLAN and advice.provider:
        row = catalogue.provider(advice.provider)
        if not takes_same_key(found, advice):
            yield Offer(told=told, link=link, elsewhere=row.id)
            return
        at = f" {advice.base_url}" if advice.base_url and advice.base_url != row.base_url else ""
        yield Offer(told=told, label=f"Switch to {row.name}", does=f"{Deed.SWITCH} {row.id}{at}")
    elif advice.step is Step.SEARCH_PLANS:
        yield Offer(told=told, label="Ask there, free of charge", does=str(Deed.SEARCH))
    elif advice.step is Step.PICK_MODEL and advice.model:
        yield Offer(told=told, label=f"Use {one_line(advice.model, _MOST_SHOWN)}", does=f"{Deed.MODEL} {advice.model}")
    elif advice.step is Step.FIX_ADDRESS and advice.base_url:
        yield Offer(told=told, label="Use this address", does=f"{Deed.ADDRESS} {advice.base_url}")
    elif advice.step is Step.WAIT:
        yield Offer(told=told, label="Test again", does=str(Deed.AGAIN), link=link)
    else:
        yield Offer(told=told, link=link)
