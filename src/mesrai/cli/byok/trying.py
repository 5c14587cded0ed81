"""Test and save, and where the test fails, do what its diagnosis advises, one key stroke each."""

from dataclasses import dataclass, replace

from mesrai.cli.byok.choosing import ask_key
from mesrai.cli.byok.describing import put_said, settings_said, title_of
from mesrai.cli.byok.desk import Bench
from mesrai.cli.byok.stages import stages_shown
from mesrai.cli.byok.talk import confirm, print_json, require_person, show
from mesrai.cli.byok.verdict import exit_of, json_of_test, verdict_text
from mesrai.cli.byok.wish import Wish, command_following
from mesrai.cli.exits import Exit
from mesrai.domain.connection import Connection
from mesrai.errors import ConnectionUnproven, UserError
from mesrai.flows.connect import FixedModeStands, Saved, Unproven, save_if_proven
from mesrai.flows.model_words import ceiling_said
from mesrai.llm.probing import Advice, Step, Tested, Verdict
from mesrai.llm.wish import takes_same_key
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.untrusted import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person agreed to beforehand."""

    is_forced: bool = False  # save it even if the test fails
    may_cover_fixed: bool = False
    may_spend: bool = False


async def try_and_save(bench: Bench, wish: Wish, consent: Consent) -> Saved:
    """Test it and save it. Errors: NotSaved after the last try, UserError, StoreError."""
    while True:
        connection = wish.connection(bench.catalogue)
        consent = agreed(bench, connection, consent)
        try:
            with stages_shown(bench.talk) as watch:
                return await save_if_proven(
                    bench.desk,
                    connection,
                    watch=watch,
                    is_forced=consent.is_forced,
                    may_cover_fixed=consent.may_cover_fixed,
                )
        except FixedModeStands:
            consent = replace(consent, may_cover_fixed=confirm_covering(bench))
        except Unproven as error:
            if not bench.talk.is_attended:
                raise NotSaved(connection, error) from error
            show(bench.talk, verdict_text(error.tested, bench.talk.look))
            changed = await advised(bench, wish, error.tested)
            if changed is None:
                raise NotSaved(connection, error) from error
            wish = changed


class NotSaved(ConnectionUnproven):
    """A connection that failed its last test."""

    def __init__(self, connection: Connection, error: Unproven) -> None:
        super().__init__(error.message)
        self.connection = connection
        self.tested = error.tested


def ended_unproven(bench: Bench, error: NotSaved) -> int:
    """Say that nothing was saved, and why; the exit code. At a terminal the why was shown before advice was offered."""
    talk = bench.talk

    def command_for(advice: Advice) -> str:
        return command_following(advice, error.connection, bench.catalogue)

    if talk.is_json:
        print_json({"saved": False, "error": error.message, "test": json_of_test(error.tested)})
    else:
        show(talk, "" if talk.is_attended else verdict_text(error.tested, talk.look, command_for))
        show(talk, "Nothing was saved. --force saves it all the same, marked unproven.\n")
    return exit_of(error.tested) or Exit.FAILED


def agreed(bench: Bench, connection: Connection, consent: Consent) -> Consent:
    """The consent, with the spending of the test agreed to. Errors: UsageError if nobody can be asked, Abort for no."""
    talk = bench.talk
    if not talk.is_json:
        sheet = Sheet(talk.look)
        sheet.line(("", ""))
        sheet.prose((f"{str(connection.slot).capitalize()}: ", ""), (title_of(connection, bench.catalogue), "bold"))
        hint = connection.key.hint if connection.key else ""
        put_said(sheet, settings_said(connection, bench.catalogue, hint), indent=2)
        for notice in connection.notices:
            sheet.prose(("Note: ", "yellow"), (one_line(notice, 500), ""), indent=2, hang=6)
        sheet.prose((ceiling_text(bench, connection), ""))
        sheet.line(("", ""))
        show(talk, sheet.text())
    if consent.may_spend:
        return consent
    require_person(talk, "--yes, to agree to the cost of the test,")
    if not confirm("Test it now?", default=True):
        raise UserError("Nothing was tested and nothing was saved.")
    return replace(consent, may_spend=True)


def ceiling_text(bench: Bench, connection: Connection) -> str:
    """The most that a full test can spend, in a sentence."""
    return ceiling_said(connection, bench.catalogue)


def confirm_covering(bench: Bench) -> bool:
    """Whether a saved connection may stand in place of what the environment connects. Errors: UsageError, UserError."""
    require_person(bench.talk, "--replace-fixed, to save over what the environment connects,")
    if not confirm("Save it over what the environment connects?", default=False):
        raise UserError("Nothing was saved; the environment's connection is used as before.")
    return True


async def advised(bench: Bench, wish: Wish, tested: Tested) -> Wish | None:
    """The wish as a piece of advice changes it, the first that is taken; None if none is."""
    found = tested.diagnosis
    if found is None:
        return None
    for advice in found.advice:
        changed = await _taken(bench, wish, advice, key_fits=takes_same_key(found, advice))
        if changed is not None:
            return changed
    return None


async def _taken(bench: Bench, wish: Wish, advice: Advice, *, key_fits: bool) -> Wish | None:
    catalogue = bench.catalogue
    if advice.step is Step.SWITCH_PLAN and advice.provider:
        return _switched(bench, wish, advice.provider, key_fits=key_fits)
    if advice.step is Step.SEARCH_PLANS:
        return await _found_home(bench, wish, advice)
    if advice.step is Step.PICK_MODEL and advice.model:
        shown = one_line(advice.model, 80)
        return wish.elsewhere(model=advice.model) if confirm(f"Use the model {shown}?", default=True) else None
    if advice.step is Step.FIX_ADDRESS and advice.base_url:
        shown = one_line(advice.base_url, 200)
        return wish.elsewhere(base_url=advice.base_url) if confirm(f"Use the address {shown}?", default=True) else None
    if advice.step is Step.REPLACE_KEY and confirm("Enter another key?", default=True):
        return replace(wish, key=ask_key(bench, catalogue.provider(wish.provider) if wish.provider else None))
    return None


def _switched(bench: Bench, wish: Wish, provider: str, *, key_fits: bool) -> Wish | None:
    """The wish at another provider, with another key where this one is not for there."""
    row = bench.catalogue.provider(provider)
    if key_fits:
        changed = wish.with_provider(row.id, bench.catalogue)
        return changed if confirm(f"Switch to {row.name}?", default=True) else None
    if not confirm(f"Switch to {row.name}, with a key of its own?", default=False):
        return None
    return replace(wish.with_provider(row.id, bench.catalogue), key=ask_key(bench, row))


async def _found_home(bench: Bench, wish: Wish, advice: Advice) -> Wish | None:
    """Where else the vendor accepts the key, after asking whether to look."""
    from mesrai.wiring import find_home_of

    sheet = Sheet(bench.talk.look)
    sheet.prose((one_line(advice.told, 400), ""))
    show(bench.talk, sheet.text())
    if not confirm("Ask there, free of charge?", default=True):
        return None
    homes = await find_home_of(bench.installation, wish.connection(bench.catalogue))
    for home in homes:
        show(bench.talk, f"  {one_line(home.told, 300)}\n")
    for home in homes:
        if home.verdict is Verdict.ACCEPTED and confirm(f"Switch to {home.name}?", default=True):
            return wish.with_provider(home.provider, bench.catalogue)
    return None
