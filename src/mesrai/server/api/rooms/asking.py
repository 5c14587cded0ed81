"""The connected model for reviews in members' terminals: they ask it through us, and never see its key."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from mesrai import wiring
from mesrai.domain.memory import MemoryState
from mesrai.domain.roles import Right
from mesrai.errors import MesraiError
from mesrai.llm.questions import (
    MemoryTold,
    ModelShown,
    Question,
    QuestionEnded,
    TeamWishes,
    answer_shown,
    failure_shown,
    model_shown,
    prompt_of,
)
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import RepositoryName, Sent
from mesrai.server.api.problems import ApiError, Code
from mesrai.store.configurations import saved_for
from mesrai.store.memories import list_memories

if TYPE_CHECKING:
    from mesrai.wiring import Installation

_TAG: Final = "model"
_BEAT_S: Final = 10.0  # proxies end a connection on which nothing comes for a minute


class WishesQuery(Sent, frozen=True, kw_only=True):
    """Whose wishes are meant; without a name, those of the organisation alone."""

    repository: RepositoryName = ""


async def show_model(call: Call) -> ModelShown:
    """GET /model."""
    installation = await _connected(call)
    settings = installation.settings
    async with wiring.model_for(
        settings, settings.connections, database=call.house.database, reach=installation.reach
    ) as model:
        return model_shown(model.profile, None if settings.main is None else settings.main.max_concurrent_requests)


async def ask_model(call: Call) -> Response:
    """POST /model/questions."""
    installation, question = await _connected(call), call.read(Question)
    return StreamingResponse(_told(call, installation, question), media_type="application/json")


async def show_wishes(call: Call) -> TeamWishes:
    """GET /model/wishes."""
    house, repository = call.house, call.read(WishesQuery).repository
    saved = await saved_for(house.database, house.organisation, repository)
    memories = await list_memories(
        house.database, house.organisation, repository=repository, states=(MemoryState.ACTIVE,)
    )
    return TeamWishes(
        organisation=saved.organisation,
        repository=saved.repository,
        folders=dict(saved.folders),
        memories=[
            MemoryTold(id=each.id, text=each.text, repository=each.repository, paths=list(each.paths))
            for each in memories
        ],
    )


async def _connected(call: Call) -> "Installation":
    """Errors: ApiError if no model is connected; VaultLocked."""
    installation = await call.house.installation()
    if installation.unlocked().main is None:
        raise ApiError(Code.CONFLICT, "No model is connected; an admin connects one on the page of connections.")
    return installation


async def _told(call: Call, installation: "Installation", question: Question) -> AsyncIterator[bytes]:
    """Line feeds while the model works, and then how it ended. When the caller goes away, the question is cancelled."""
    asking = asyncio.create_task(_asked(call, installation, question))
    try:
        while not (await asyncio.wait([asking], timeout=_BEAT_S))[0]:
            yield b"\n"
        yield msgspec.json.encode(await asking)
    finally:
        asking.cancel()


async def _asked(call: Call, installation: "Installation", question: Question) -> QuestionEnded:
    # The account stands in the id, so that nobody's questions are counted as of a review of somebody else's.
    errand = wiring.Errand(
        repository=question.repository,
        review=f"cli-{call.caller.member.account}-{question.review}",
        limit=Decimal(question.budget) if question.budget else None,
    )
    settings = installation.settings
    try:
        async with wiring.model_for(
            settings, settings.connections, database=call.house.database, errand=errand, reach=installation.reach
        ) as model:
            return QuestionEnded(answer=answer_shown(await model.ask(prompt_of(question))))
    except MesraiError as error:
        return QuestionEnded(failure=failure_shown(error))


OPERATIONS: Final = (
    Operation(
        name="showModel",
        tag=_TAG,
        method="GET",
        path="/model",
        needs=Right.ASK_MODEL,
        told="The connected model, as reviews in a terminal need to know it.",
        do=show_model,
        answer=ModelShown,
        errors=(Code.CONFLICT,),
    ),
    Operation(
        name="showWishes",
        tag=_TAG,
        method="GET",
        path="/model/wishes",
        needs=Right.ASK_MODEL,
        told="What is saved here for the reviews of a repository, for those in a terminal.",
        do=show_wishes,
        query=WishesQuery,
        answer=TeamWishes,
    ),
    Operation(
        name="askModel",
        tag=_TAG,
        method="POST",
        path="/model/questions",
        needs=Right.ASK_MODEL,
        told="Put a question of a review to the connected model, within the budget. The answer may take minutes; line "
        "feeds come before it. A failure of the model is an answer too.",
        do=ask_model,
        body=Question,
        answer=QuestionEnded,
        errors=(Code.CONFLICT,),
    ),
)
