"""What a passed test ends: whatever was remembered of the model, also where the environment connects it."""

import asyncio
import os
from pathlib import Path

from tests.in_process import mesrai_here
from tests.sandbox_server import running_sandbox
from tests.terminal import connected

from mesrai.domain.secret import Secret
from mesrai.errors import ModelQuota
from mesrai.llm.accounts import account_of
from mesrai.store.opening import open_database
from mesrai.store.outages import StoreOutages

KEY = "sk-sim-ok-tier3"


def test_a_quota_that_was_paid_for_before_its_time_is_used_again_once_the_test_passed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mesrai.db"

    async def outage(name: str, *, noted: bool) -> str:
        async with open_database(url) as database:
            if noted:
                await StoreOutages(database).note(name, ModelQuota("used up", resets_at="in 20 days"))
            found = await StoreOutages(database).standing([name])
            return found[name].cause.message if found else ""

    with running_sandbox() as sandbox:
        env = connected(sandbox.openai, KEY) | {
            "MESRAI_DATABASE_URL": url,
            "MESRAI_MODEL": "kimi-k2.6",
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
        }
        name = f"{account_of(sandbox.openai, Secret(KEY))} {env['MESRAI_MODEL']}"
        assert asyncio.run(outage(name, noted=True)) == "used up"
        ran = mesrai_here("byok", "test", "--full", cwd=tmp_path, env=env)
        assert ran.code == 0, ran.out + ran.err
    assert asyncio.run(outage(name, noted=False)) == ""
