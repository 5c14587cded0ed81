"""What a process is told about its log, metrics and proxies, and a database's address that stands in a file."""

from pathlib import Path

import pytest

from mesrai.errors import SettingsError
from mesrai.settings import database_url_from
from mesrai.settings.operating import OPERATING_NAMES, LogFormat, Operating, load_operating

URL = "postgresql://mesrai:pass-word@db.example/mesrai"


def test_without_variables_nothing_listens_and_nobody_is_believed() -> None:
    assert load_operating({"MESRAI_LOG_LEVEL": " "}) == Operating()


def test_every_variable_is_read() -> None:
    told = {
        "MESRAI_LOG_FORMAT": "JSON",
        "MESRAI_LOG_LEVEL": "Warning",
        "MESRAI_METRICS_PORT": "9464",
        "MESRAI_METRICS_HOST": "::",
        "MESRAI_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8 fd00::/8",
    }
    assert set(told) == set(OPERATING_NAMES)
    assert load_operating(told) == Operating(
        log_format=LogFormat.JSON,
        log_level="warning",
        metrics_port=9464,
        metrics_host="::",
        trusted_proxies=("127.0.0.1/32", "10.0.0.0/8", "fd00::/8"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MESRAI_LOG_FORMAT", "xml"),
        ("MESRAI_LOG_LEVEL", "loud"),
        ("MESRAI_METRICS_PORT", "65536"),
        ("MESRAI_METRICS_PORT", "-1"),
        ("MESRAI_METRICS_HOST", "a b"),
        ("MESRAI_TRUSTED_PROXIES", "*"),
        ("MESRAI_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("MESRAI_TRUSTED_PROXIES", "proxy.example"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load_operating({name: value})


def test_the_address_of_the_database_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "database_url"
    file.write_text(f"{URL}\n")
    env = {"MESRAI_DATABASE_URL_FILE": str(file), "HOME": str(tmp_path)}
    assert database_url_from(env) == URL
    with pytest.raises(SettingsError, match="Take one of the two away"):
        database_url_from(env | {"MESRAI_DATABASE_URL": "sqlite:///x"})
    for text in ("", "two words here"):
        file.write_text(text)
        with pytest.raises(SettingsError, match=r"^MESRAI_DATABASE_URL_FILE: one address") as refused:
            database_url_from(env)
        assert "words" not in refused.value.message
    with pytest.raises(SettingsError, match="cannot be read"):
        database_url_from(env | {"MESRAI_DATABASE_URL_FILE": str(tmp_path / "missing")})
