"""The demo, run as it is: every step ends as it should, and nothing of the person's own is touched."""

import os
import subprocess
import sys
from pathlib import Path

SHOWN = (
    "1. Connect a main model",
    "Saved as main: kimi-k2.6 at Moonshot AI (international).",
    "Saved as fallback: glm-5.1 at Z.ai (Developer API).",
    "Text from outside is run as code",
    "zai/glm-5.1 answered in place of moonshot/kimi-k2.6",
    "The key belongs to another plan.",
    "moonshot/kimi-k2.6",
    "That was all.",
)


def test_the_demo_shows_every_step_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "mesrai", "demo"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path / "tmp"),
            "PYTHONUTF8": "1",
            "MOONSHOT_API_KEY": "sk-a-key-of-ones-own-0123456789",
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each for each in SHOWN if each not in done.stdout] == []
    assert "sk-" not in done.stdout.replace("sk-kimi-", ""), "a key is shown"
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [each.name for each in tmp_path.iterdir()] == ["tmp"]
