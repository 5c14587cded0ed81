"""What one server offers: its tools, and the reviews it remembers."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mesrai.cli.mcp.arguments import checked
from mesrai.cli.mcp.tools import APPLY_SUGGESTION, TOOLS
from mesrai.cli.mcp.working import Kept, Watching, Work, works
from mesrai.errors import UserError

_MOST_KEPT: Final = 8  # reviews


class Offered:
    """The tools of one process, and the latest reviews."""

    def __init__(self, *, may_write: bool) -> None:
        self.tools: Sequence[Mapping[str, Any]] = [
            each for each in TOOLS if may_write or each["name"] != APPLY_SUGGESTION
        ]
        self._reviews: OrderedDict[str, Kept] = OrderedDict()
        self._count = 0
        self._works: Mapping[str, Work] = works(self)

    def has(self, name: object) -> bool:
        """Whether there is a tool of that name."""
        return any(each["name"] == name for each in self.tools)

    async def use(self, name: str, arguments: object, watching: Watching) -> str:
        """What a tool says. Errors: MesraiError."""
        tool = next(each for each in self.tools if each["name"] == name)
        return await self._works[name](checked(arguments, tool["inputSchema"]), watching)

    def keep(self, kept: Kept) -> str:
        """Remember a review; its id."""
        self._count += 1
        name = f"review-{self._count}"
        self._reviews[name] = kept
        while len(self._reviews) > _MOST_KEPT:
            self._reviews.popitem(last=False)
        return name

    def review(self, name: str) -> Kept:
        """A review that is remembered; without a name the latest. Errors: UserError."""
        if name in self._reviews:
            return self._reviews[name]
        if name:
            known = ", ".join(self._reviews) or "none"
            raise UserError(
                f"There is no review {name[:80]} in this session; there is {known}. Use review_change first."
            )
        if not self._reviews:
            raise UserError("Nothing was reviewed in this session yet. Use review_change first.")
        return next(reversed(self._reviews.values()))
