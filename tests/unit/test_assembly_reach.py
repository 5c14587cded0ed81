"""Which hosts inside the network the service may ask a model at."""

import asyncio
from pathlib import Path

import pytest

from mesrai.assembly.reach import reach_of
from mesrai.errors import ModelNotAdmitted
from mesrai.llm.model import Prompt, UserTurn
from mesrai.sandbox.overlay import overlay_toml
from mesrai.settings import load_settings
from mesrai.wiring import model_for

NONE = frozenset[str]()


def allowed(env: dict[str, str], host: str, port: int, named: frozenset[str] = NONE) -> bool:
    return reach_of(env, named).allows(host, port)


def an_environment(folder: Path, **more: str) -> dict[str, str]:
    return {"MESRAI_CONFIG": str(folder / "config.toml"), **more}


def test_what_the_operator_wrote_down_is_allowed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    overlay = tmp_path / "rows.toml"
    overlay.write_text(overlay_toml("http://127.0.0.1:4321"))
    plain = an_environment(tmp_path)
    laid_over = an_environment(tmp_path, MESRAI_CATALOGUE=str(overlay))
    written = an_environment(tmp_path, MESRAI_BASE_URL="http://10.0.0.5:8000/v1", MESRAI_MODEL="m", MESRAI_API_KEY="k")
    assert not allowed(plain, "127.0.0.1", 4321)
    assert not allowed(plain, "localhost", 11_434), "a known local server is not yet one that is meant"
    assert allowed(laid_over, "127.0.0.1", 4321)
    assert not allowed(laid_over, "127.0.0.1", 4322)
    assert allowed(written, "10.0.0.5", 8000)
    assert allowed(plain, "10.0.0.5", 8000, frozenset({"10.0.0.5"}))


def test_a_saved_connection_into_the_network_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    base = "http://127.0.0.1:9/v1"
    saved = load_settings(an_environment(tmp_path, MESRAI_BASE_URL=base, MESRAI_MODEL="m", MESRAI_API_KEY="sk-1"))
    reach = reach_of(an_environment(tmp_path), NONE)

    async def ask() -> None:
        async with model_for(saved, saved.connections, reach=reach) as model:
            await model.ask(Prompt(system="s", turns=(UserTurn(text="t"),), max_output_tokens=10))

    with pytest.raises(ModelNotAdmitted, match="MESRAI_ALLOWED_HOSTS"):
        asyncio.run(ask())
