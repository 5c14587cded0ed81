"""Sealing: what was sealed opens with its key and in its place only."""

import os
import string
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError, VaultLocked
from mesrai.store.vault import Keyring, MasterKey

PLACE = ("acme", "main", "row-1", "https://api.moonshot.ai/v1")
A_KEY = "sk-canary-0123456789abcdef"
RING = Keyring(MasterKey(bytes(range(32))))

texts = st.text(max_size=60)
places = st.lists(st.text(max_size=8), max_size=4)


def a_master_key() -> MasterKey:
    return MasterKey(os.urandom(32))


@given(text=texts, place=places)
def test_a_sealed_secret_opens_in_its_place(text: str, place: Sequence[str]) -> None:
    secret = Secret(text)
    assert RING.open(RING.seal(secret, bound_to=place), bound_to=place) == secret


@given(place=places, other=places)
def test_a_sealed_secret_opens_nowhere_else(place: Sequence[str], other: Sequence[str]) -> None:
    sealed = RING.seal(Secret(A_KEY), bound_to=place)
    if place == other:
        assert RING.open(sealed, bound_to=other).open() == A_KEY
        return
    with pytest.raises(VaultLocked, match="changed, or was moved"):
        RING.open(sealed, bound_to=other)


@pytest.mark.parametrize("which", range(4))
def test_owner_slot_row_and_address_each_count(which: int) -> None:
    sealed = RING.seal(Secret(A_KEY), bound_to=PLACE)
    moved = [f"{each}x" if at == which else each for at, each in enumerate(PLACE)]
    with pytest.raises(VaultLocked, match="moved here"):
        RING.open(sealed, bound_to=moved)


@given(secret=st.binary(max_size=6), at=st.integers(0, 10_000), bit=st.integers(0, 6))
def test_no_bit_can_be_changed(secret: bytes, at: int, bit: int) -> None:
    sealed = RING.seal(Secret(A_KEY + secret.hex()), bound_to=PLACE)
    at %= len(sealed)
    changed = sealed[:at] + chr(ord(sealed[at]) ^ (1 << bit)) + sealed[at + 1 :]
    with pytest.raises(VaultLocked):
        RING.open(changed, bound_to=PLACE)


@pytest.mark.parametrize("length", [24, 25, 26])
def test_a_second_spelling_of_the_same_bytes_is_no_seal(length: int) -> None:
    sealed = RING.seal(Secret("k" * length), bound_to=PLACE)
    for letter in set(string.ascii_letters + string.digits + "-_=") - {sealed[-1]}:
        with pytest.raises(VaultLocked):
            RING.open(sealed[:-1] + letter, bound_to=PLACE)


@given(text=st.text(max_size=80) | st.from_regex(r"v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{0,60}", fullmatch=True))
def test_what_was_never_sealed_is_a_sentence_and_no_garbage(text: str) -> None:
    with pytest.raises(VaultLocked):
        RING.open(text, bound_to=PLACE)


def test_a_body_that_is_cut_does_not_open() -> None:
    sealed = RING.seal(Secret(A_KEY), bound_to=PLACE)
    head = sealed.rpartition(".")[0]
    for body in ("AAAA", sealed.rpartition(".")[2][:-4], "A"):
        with pytest.raises(VaultLocked, match="changed"):
            RING.open(f"{head}.{body}", bound_to=PLACE)


def test_two_seals_of_one_secret_differ() -> None:
    assert RING.seal(Secret(A_KEY), bound_to=PLACE) != RING.seal(Secret(A_KEY), bound_to=PLACE)


def test_the_sealed_text_names_version_and_key_id_and_holds_nothing_in_clear() -> None:
    sealed = RING.seal(Secret(A_KEY), bound_to=PLACE)
    version, key_id, body = sealed.split(".")
    assert (version, key_id) == ("v1", RING.current_id)
    assert A_KEY not in sealed
    assert len(body) > len(A_KEY)


def test_the_key_id_is_of_the_key_and_not_a_part_of_it() -> None:
    raw = bytes(range(32))
    assert MasterKey(raw).id == MasterKey(raw).id == RING.current_id
    assert MasterKey(raw).id != raw[:4].hex()
    assert a_master_key().id != a_master_key().id


def test_what_today_s_form_sealed_opens_for_ever() -> None:
    sealed = "v1.66df0f26.AAECAwQFBgcICQoLjE5BX7igD5XhTpZpZYic0u2fdV5xyIMizX1QI6DhRU9Vu8HCdQswli2C"
    assert RING.open(sealed, bound_to=PLACE).open() == A_KEY


def test_a_letter_that_is_half_of_a_pair_is_kept() -> None:
    secret = Secret("sk-\ud800-half")
    assert RING.open(RING.seal(secret, bound_to=["\udc00"]), bound_to=["\udc00"]) == secret


def test_older_keys_open_and_the_current_one_seals() -> None:
    old, new = a_master_key(), a_master_key()
    before = Keyring(old).seal(Secret(A_KEY), bound_to=PLACE)
    ring = Keyring(new, [old])
    assert ring.open(before, bound_to=PLACE).open() == A_KEY
    assert not ring.is_current(before)
    again = ring.seal(Secret(A_KEY), bound_to=PLACE)
    assert ring.is_current(again)
    assert Keyring(new).open(again, bound_to=PLACE).open() == A_KEY


def test_a_lost_master_key_is_named_with_what_to_do() -> None:
    lost, here = a_master_key(), a_master_key()
    sealed = Keyring(lost).seal(Secret(A_KEY), bound_to=PLACE)
    with pytest.raises(VaultLocked) as caught:
        Keyring(here, source="MESRAI_MASTER_KEY in the environment").open(sealed, bound_to=PLACE)
    message = caught.value.message
    assert f"under master key {lost.id}, which is not at hand" in message
    assert f"(now: {here.id} from MESRAI_MASTER_KEY in the environment)" in message
    assert "mesrai byok connect" in message


def test_an_unknown_key_is_looked_for_anew_where_keys_are_kept() -> None:
    old, new = a_master_key(), a_master_key()
    kept = [old]
    ring = Keyring(old, reload=lambda: kept)
    kept[:] = [new, old]
    assert ring.open(Keyring(new).seal(Secret(A_KEY), bound_to=PLACE), bound_to=PLACE).open() == A_KEY
    assert ring.current_id == new.id


def test_what_was_read_before_a_rotation_ended_opens_after_it() -> None:
    old, new = a_master_key(), a_master_key()
    read = Keyring(old).seal(Secret(A_KEY), bound_to=PLACE)
    ring = Keyring(old, reload=lambda: [new])
    ring.refresh()
    assert ring.open(read, bound_to=PLACE).open() == A_KEY


def test_where_keys_cannot_be_read_anew_the_lost_key_is_what_is_told() -> None:
    def fail() -> Sequence[MasterKey]:
        raise SettingsError("unreadable")

    ring = Keyring(a_master_key(), reload=fail)
    with pytest.raises(VaultLocked, match="not at hand") as caught:
        ring.open(Keyring(a_master_key()).seal(Secret(A_KEY), bound_to=PLACE), bound_to=PLACE)
    assert isinstance(caught.value.__cause__, SettingsError)


def test_a_newer_form_asks_for_an_upgrade() -> None:
    with pytest.raises(VaultLocked, match="newer Mesrai"):
        RING.open(f"v2.{RING.current_id}.AAAA", bound_to=PLACE)


def test_keys_print_as_dots() -> None:
    key = MasterKey(b"canary-canary-canary-canary-1234")
    for shown in (repr(key), str(key), repr(Keyring(key)), f"{Keyring(key)}"):
        assert "canary" not in shown
        assert "••••" in shown
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_master_key_has_exactly_its_size(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKey(bytes(size))
