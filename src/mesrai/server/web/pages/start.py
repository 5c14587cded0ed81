"""The page a member begins at: the five steps to the first review, which can be left and come back to."""

from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from mesrai.domain.roles import Right
from mesrai.server.web.visit import Visit
from mesrai.store.forge_access import find_access
from mesrai.store.repositories import repositories
from mesrai.store.reviews import ReviewFilter, newest_reviews


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of setting up."""

    name: str
    told: str
    path: str
    do: str  # what the link says
    needs: Right
    is_done: bool = False


_STEPS: Final = (
    Step(
        name="Create the owner",
        told="You, or somebody before you, did that.",
        path="/people",
        do="Invite others",
        needs=Right.SEE_PEOPLE,
    ),
    Step(
        name="Connect a model",
        told="Choose a model and a plan, paste your key; it is tested by really asking the model, then saved.",
        path="/organization/byok",
        do="Models",
        needs=Right.SEE_CONNECTIONS,
    ),
    Step(
        name="Connect GitHub",
        told="As an App that reaches only the repositories you choose, or with a token.",
        path="/organization/github",
        do="GitHub",
        needs=Right.CONNECT_FORGE,
    ),
    Step(
        name="Choose repositories",
        told="Pull requests of those that are on are reviewed as they are opened and pushed to.",
        path="/repositories",
        do="Repositories",
        needs=Right.SEE_CONFIGURATION,
    ),
    Step(
        name="Review one pull request now",
        told="Choose an open one, and watch its review.",
        path="/repositories",
        do="Choose a pull request",
        needs=Right.RUN_REVIEWS,
    ),
)


async def show(visit: Visit) -> Response:
    """GET /start."""
    steps = [replace(step, is_done=is_done) for step, is_done in zip(_STEPS, await _done(visit), strict=True)]
    following = next((step for step in steps if not step.is_done), None)
    return visit.page("start.html", steps=steps, following=following)


async def _done(visit: Visit) -> tuple[bool, ...]:
    """For each step, whether it is done."""
    house = visit.house
    database, organisation = house.database, house.organisation
    installation = await house.installation()
    has_model = installation.settings.main is not None or installation.locked is not None
    has_forge = house.forge.is_set_outside or await find_access(database, organisation) is not None
    chosen = [each for each in await repositories(database, organisation) if each.is_reached and each.is_reviewed]
    reviews = await newest_reviews(database, ReviewFilter(organisation=organisation), most=1)
    return True, has_model, has_forge, bool(chosen), bool(reviews)
