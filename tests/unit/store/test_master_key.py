"""Where the master key comes from, and that no rotation loses one."""

import base64
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError, VaultLocked
from mesrai.store.key_file import begin_rotation, find_keys, finish_rotation, make_key_file
from mesrai.store.master_key import key_file, load_keyring
from mesrai.store.vault import Keyring, MasterKey

PLACE = ("acme", "main")
A_KEY = Secret("sk-canary-0123456789abcdef")
RAW = bytes(range(1, 33))
HEX = RAW.hex()
BASE64 = base64.b64encode(RAW).decode()
ID = MasterKey(RAW).id
OTHER = bytes(range(101, 133))
OTHER_ID = MasterKey(OTHER).id


def a_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def prints(text: str) -> str:
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


def folder_of(path: Path) -> set[str]:
    return {each.name for each in path.iterdir()}


@pytest.mark.parametrize(
    "text",
    [
        BASE64,
        BASE64.rstrip("="),
        HEX,
        HEX.upper(),
        f'  "{HEX}"\n',
        base64.urlsafe_b64encode(RAW).decode(),
    ],
)
def test_a_key_may_be_base64_or_hexadecimal(text: str, tmp_path: Path) -> None:
    assert load_keyring({"MESRAI_MASTER_KEY": text}, tmp_path).current_id == ID
    assert folder_of(tmp_path) == set()


def test_both_alphabets_of_base64_are_read(tmp_path: Path) -> None:
    raw = bytes(range(224, 256))
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        assert load_keyring({"MESRAI_MASTER_KEY": text}, tmp_path).current_id == MasterKey(raw).id


@pytest.mark.parametrize("name", ["MESRAI_MASTER_KEY", "API_CRYPTO_KEY", "MESRAI_MASTER_KEY_PREVIOUS"])
@pytest.mark.parametrize("text", ["canary-pass", HEX[:-1], HEX + "0", BASE64 + "A", "canary" * 8, BASE64[:20]])
def test_another_shape_is_refused_without_showing_it(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="32 random bytes") as caught:
        load_keyring({"MESRAI_MASTER_KEY": HEX, name: text}, tmp_path) if "PREV" in name else load_keyring(
            {name: text}, tmp_path
        )
    assert name in caught.value.message
    assert text not in caught.value.message


@pytest.mark.parametrize("raw", [bytes(32), b"abcd" * 8])
def test_a_key_that_nobody_drew_at_random_is_refused(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not random"):
        load_keyring({"MESRAI_MASTER_KEY": raw.hex()}, tmp_path)


def environments(tmp_path: Path) -> Mapping[str, tuple[str, str]]:
    """Each way to say a key, with the id of the key it says."""
    raws = {name: os.urandom(32) for name in ("MESRAI_MASTER_KEY", "FILE", "COMMAND", "API_CRYPTO_KEY")}
    ids = {name: MasterKey(raw).id for name, raw in raws.items()}
    path = a_file(tmp_path / "named.key", raws["FILE"].hex())
    return {
        "MESRAI_MASTER_KEY": (raws["MESRAI_MASTER_KEY"].hex(), ids["MESRAI_MASTER_KEY"]),
        "MESRAI_MASTER_KEY_FILE": (str(path), ids["FILE"]),
        "MESRAI_MASTER_KEY_COMMAND": (prints(raws["COMMAND"].hex()), ids["COMMAND"]),
        "API_CRYPTO_KEY": (raws["API_CRYPTO_KEY"].hex(), ids["API_CRYPTO_KEY"]),
    }


def test_the_first_place_that_has_a_key_wins(tmp_path: Path) -> None:
    left = dict(environments(tmp_path))
    while left:
        environ = {name: value for name, (value, _) in left.items()}
        first = next(iter(left))
        assert load_keyring(environ, tmp_path / "data").current_id == left.pop(first)[1]
        assert key_file(environ, tmp_path) == (tmp_path / "named.key" if first.endswith("FILE") else None)
    assert not (tmp_path / "data").exists()
    assert key_file({"MESRAI_MASTER_KEY": " "}, tmp_path) == tmp_path / "master.key"


def test_the_file_is_made_at_first_use_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    first = load_keyring({}, folder)
    path = folder / "master.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert load_keyring({}, folder).current_id == first.current_id
    assert folder_of(folder) == {"master.key", "master.key.lock"}
    assert load_keyring({}, tmp_path / "other").current_id != first.current_id


def test_four_processes_at_once_make_one_key(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom mesrai.store.master_key import load_keyring\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "print(load_keyring({}, Path(sys.argv[1])).current_id)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / "data"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    ids = {each.communicate(timeout=20)[0] for each in started}
    assert ids == {f"{load_keyring({}, tmp_path / 'data', make=False).current_id}\n"}


def test_a_missing_file_is_told_where_nothing_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(VaultLocked, match=r"master\.key is missing") as caught:
        load_keyring({}, tmp_path, make=False)
    assert "mesrai byok connect" in caught.value.message
    assert folder_of(tmp_path) == set()


def test_a_named_file_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        load_keyring({"MESRAI_MASTER_KEY_FILE": str(tmp_path / "typo.key")}, tmp_path)
    assert folder_of(tmp_path) == set()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_can_open_is_refused_with_the_remedy(mode: int, tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX, mode)
    with pytest.raises(SettingsError, match=f"chmod 600 {path}") as caught:
        load_keyring({}, tmp_path)
    assert HEX not in caught.value.message
    path.chmod(0o400)
    assert load_keyring({}, tmp_path).current_id == ID


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_mounted_secret_of_another_owner_may_come_by_way_of_the_group(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX, 0o440)
    os.chown(path, 65534, 0)
    assert load_keyring({}, tmp_path).current_id == ID
    path.chmod(0o444)
    with pytest.raises(SettingsError, match="chmod"):
        load_keyring({}, tmp_path)


@pytest.mark.parametrize("text", ["", "# only words\n\n", "not a key\n", f"{HEX}\nrubbish\n", "é"])
def test_a_file_without_a_proper_key_is_refused(text: str, tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", text)
    with pytest.raises(SettingsError, match=str(path)):
        load_keyring({}, tmp_path)
    assert path.read_text() == text


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "master.key", 0o600)
    with pytest.raises(SettingsError, match="no ordinary file"):
        load_keyring({}, tmp_path)
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(SettingsError, match="folder"):
        load_keyring({"MESRAI_MASTER_KEY_FILE": str(tmp_path / "folder")}, tmp_path)


def test_a_folder_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    a_file(tmp_path / "file", "")
    with pytest.raises(SettingsError, match="cannot be written"):
        load_keyring({}, tmp_path / "file" / "data")


def test_previous_keys_open_and_do_not_seal(tmp_path: Path) -> None:
    old = load_keyring({"MESRAI_MASTER_KEY": HEX}, tmp_path).seal(A_KEY, bound_to=PLACE)
    third = Keyring(MasterKey(RAW[::-1])).seal(A_KEY, bound_to=PLACE)
    environ = {"MESRAI_MASTER_KEY": OTHER.hex(), "MESRAI_MASTER_KEY_PREVIOUS": f"{BASE64}, {RAW[::-1].hex()},"}
    ring = load_keyring(environ, tmp_path)
    assert ring.current_id == OTHER_ID
    assert [ring.open(each, bound_to=PLACE) for each in (old, third)] == [A_KEY, A_KEY]


def test_previous_keys_count_beside_a_file_too(tmp_path: Path) -> None:
    old = load_keyring({"MESRAI_MASTER_KEY": HEX}, tmp_path).seal(A_KEY, bound_to=PLACE)
    assert load_keyring({"MESRAI_MASTER_KEY_PREVIOUS": HEX}, tmp_path).open(old, bound_to=PLACE) == A_KEY


def test_further_lines_of_a_file_open(tmp_path: Path) -> None:
    a_file(tmp_path / "master.key", f"# the new one\n{OTHER.hex()}\n\n# the old one\n{BASE64}\n")
    ring = load_keyring({}, tmp_path)
    assert ring.current_id == OTHER_ID
    assert ring.open(Keyring(MasterKey(RAW)).seal(A_KEY, bound_to=PLACE), bound_to=PLACE) == A_KEY


def test_a_command_gets_no_secrets_and_no_shell(tmp_path: Path) -> None:
    code = (
        "import os, sys; print('the words of the complaint', file=sys.stderr);"
        f"fine = 'API_KEY' not in os.environ and os.environ['HOME'] == '/h' and sys.argv[1:] == ['$(id)', ';'];"
        f"print({HEX!r} if fine else 'wrong')"
    )
    command = shlex.join([sys.executable, "-c", code, "$(id)", ";"])
    environ = {"MESRAI_MASTER_KEY_COMMAND": command, "API_KEY": "sk-secret", "HOME": "/h"}
    ring = load_keyring(environ, tmp_path)
    assert ring.current_id == ID


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/program --now", "did not start"),
        ("'", "cannot be read"),
        (shlex.join([sys.executable, "-c", f"import sys; sys.exit({HEX!r})"]), "exit code 1"),
        (prints(""), "no master key in it"),
        (prints("canary"), "32 random bytes"),
    ],
)
def test_a_command_that_fails_is_told_without_its_words(command: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        load_keyring({"MESRAI_MASTER_KEY_COMMAND": command}, tmp_path)
    assert "MESRAI_MASTER_KEY_COMMAND" in caught.value.message
    assert HEX not in caught.value.message
    assert "canary" not in caught.value.message


def test_a_running_process_finds_the_key_of_a_rotation(tmp_path: Path) -> None:
    running = load_keyring({}, tmp_path)
    old = running.seal(A_KEY, bound_to=PLACE)
    rotation = begin_rotation(tmp_path / "master.key")
    rotated = load_keyring({}, tmp_path)
    new = rotated.seal(rotated.open(old, bound_to=PLACE), bound_to=PLACE)
    finish_rotation(rotation)
    assert running.open(new, bound_to=PLACE) == A_KEY
    assert running.current_id == rotated.current_id != old.split(".")[1]
    assert running.open(old, bound_to=PLACE) == A_KEY
    with pytest.raises(VaultLocked, match="not at hand"):
        load_keyring({}, tmp_path).open(old, bound_to=PLACE)


def test_a_rotation_keeps_what_it_retires_where_it_is_not_read(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", f"{HEX}\n")
    finish_rotation(begin_rotation(path))
    first = load_keyring({}, tmp_path).current_id
    finish_rotation(begin_rotation(path))
    retired = tmp_path / "master.key.retired"
    assert [each.id for each in find_keys(retired) or ()] == [ID, first]
    assert len(find_keys(path) or ()) == 1
    assert [each.stat().st_mode & 0o777 for each in (path, retired)] == [0o600, 0o600]
    assert folder_of(tmp_path) == {"master.key", "master.key.lock", "master.key.retired"}


def test_an_interrupted_rotation_can_be_begun_again(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX)
    begin_rotation(path)
    middle = load_keyring({}, tmp_path)
    again = begin_rotation(path)
    assert again.retired == {ID, middle.current_id}
    assert [each.id for each in find_keys(path) or ()][1:] == [middle.current_id, ID]
    finish_rotation(again)
    assert len(find_keys(path) or ()) == 1


def test_two_rotations_at_once_leave_each_other_s_new_key(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX)
    first = begin_rotation(path)
    of_first = load_keyring({}, tmp_path).current_id
    second = begin_rotation(path)
    of_second = load_keyring({}, tmp_path).current_id
    finish_rotation(first)
    assert [each.id for each in find_keys(path) or ()] == [of_second, of_first]
    finish_rotation(second)
    assert [each.id for each in find_keys(path) or ()] == [of_second]


def test_finishing_never_leaves_a_file_without_a_key(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX)
    rotation = begin_rotation(path)
    a_file(path, HEX)  # a copy of the old file was put back
    with pytest.raises(SettingsError, match="Rotate again"):
        finish_rotation(rotation)
    assert path.read_text() == HEX


def test_there_is_nothing_to_rotate_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(VaultLocked, match="no master key file"):
        begin_rotation(tmp_path / "master.key")


def test_a_rotation_through_a_link_changes_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = a_file(tmp_path / "real" / "kept.key", HEX)
    (tmp_path / "master.key").symlink_to(real)
    finish_rotation(begin_rotation(tmp_path / "master.key"))
    assert (tmp_path / "master.key").is_symlink()
    assert load_keyring({}, tmp_path).current_id == (find_keys(real) or ())[0].id != ID


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_rotates_still_belongs_to_its_owner(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX)
    os.chown(path, 65534, 65534)
    finish_rotation(begin_rotation(path))
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (65534, 0o600)


def test_making_a_file_that_is_there_changes_nothing(tmp_path: Path) -> None:
    path = a_file(tmp_path / "master.key", HEX)
    make_key_file(path)
    assert path.read_text() == HEX
