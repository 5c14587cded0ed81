"""Every operation of the interface: the one table from which routing, checks and the description are made."""

from collections.abc import Sequence
from typing import Any, Final

from mesrai.server.api import openapi
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.rooms import (
    asking,
    catalogue,
    configuration,
    connections,
    findings,
    memories,
    operating,
    repositories,
    reviews,
    spending,
    webhooks,
)


async def _describe(_call: Call) -> dict[str, Any]:
    """GET /openapi.json."""
    return openapi.document(OPERATIONS)


OPERATIONS: Final[Sequence[Operation]] = (
    *reviews.OPERATIONS,
    *findings.OPERATIONS,
    *repositories.OPERATIONS,
    *connections.OPERATIONS,
    *asking.OPERATIONS,
    *catalogue.OPERATIONS,
    *configuration.OPERATIONS,
    *memories.OPERATIONS,
    *spending.OPERATIONS,
    *operating.OPERATIONS,
    *webhooks.OPERATIONS,
    Operation(
        name="describe",
        tag="description",
        method="GET",
        path="/openapi.json",
        needs=None,
        told="This description, in OpenAPI 3.1.",
        do=_describe,
        answer=dict[str, Any],
    ),
)
