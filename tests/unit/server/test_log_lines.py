import io
import logging

import pytest

from mesrai.server.log_lines import LogLines

TOKEN = "ghs_" + "aB3dE5fG7hJ9kL1mN3pQ" + "5rS7tU9vW1xY3zA5"


def logged(message: str, *values: object, error: Exception | None = None) -> str:
    """What one call writes."""
    written = io.StringIO()
    shown = logging.StreamHandler(written)
    shown.setFormatter(LogLines("%(levelname)s %(name)s: %(message)s"))
    log = logging.Logger("mesrai.test")
    log.addHandler(shown)
    log.error(message, *values, exc_info=error)
    return written.getvalue()


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ("main\nERROR mesrai: all is lost", r"main\x0aERROR mesrai: all is lost"),
        ("a\r\x1b[2Jb", r"a\x0d\x1b[2Jb"),
        ("a\x9b31mb\x00", r"a\x9b31mb\x00"),
        ("a\u202eb\u2028c\u200bd", r"a\u202eb\u2028c\u200bd"),
        ("plain – ünïcode ✓", "plain – ünïcode ✓"),
    ],
)
def test_a_branch_or_name_cannot_write_a_line_of_its_own(odd: str, shown: str) -> None:
    assert logged("It goes into %s.", odd) == f"ERROR mesrai.test: It goes into {shown}.\n"


def test_a_credential_is_taken_out_of_a_line_and_of_a_traceback() -> None:
    assert TOKEN not in logged("The remote said: bad token %s", TOKEN)
    try:
        raise RuntimeError(f"fetch with {TOKEN}\nERROR mesrai: forged\x1b[0m")
    except RuntimeError as error:
        text = logged("A fault", error=error)
    assert TOKEN not in text
    assert "\x1b" not in text
    assert "RuntimeError: fetch with" in text
    first, *rest = text.splitlines()
    assert first == "ERROR mesrai.test: A fault"
    assert all(line.startswith("  ") for line in rest)


def test_what_has_no_end_is_cut() -> None:
    assert len(logged("%s", "x" * 100_000)) < 5_000


def test_a_credential_across_the_cut_is_taken_out_too() -> None:
    for before in range(3_960, 4_001):
        text = logged("%s", "x " * (before // 2) + " " * (before % 2) + TOKEN)
        assert TOKEN[:9] not in text
