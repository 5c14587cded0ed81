"""An event loop whose clock jumps ahead when nothing is left to do but wait, for tests of what takes minutes."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Only for code that waits for timers, not for anything outside."""

    jumped_s = 0.0

    def time(self) -> float:
        return super().time() + self.jumped_s

    def _run_once(self) -> None:
        times = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if times and not self._ready:  # type: ignore[attr-defined]
            self.jumped_s += max(0.0, min(times) - self.time())
        super()._run_once()  # type: ignore[misc]


def run_virtually(scenario: Coroutine[Any, Any, T]) -> T:
    """What the scenario returns; its minutes pass in no time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scenario)
