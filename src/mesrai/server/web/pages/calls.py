"""Every question of a review to a model: its figures, and for those who may see it what was said."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from mesrai.domain.budget import amount_of, money_text
from mesrai.domain.roles import Right
from mesrai.errors import AccessDenied
from mesrai.review.render.untrusted import visible
from mesrai.review.render.wording import tokens_text
from mesrai.server.web.kept import PURPOSES, about, kept_review, not_there
from mesrai.server.web.visit import Visit
from mesrai.store.calls import Call, calls_of, find_call, said_in
from mesrai.store.reviews import KeptReview

_MOST: Final = 200  # calls on a page
_MOST_SHOWN: Final = 30_000  # characters of one turn; the rest is in what can be downloaded
_MOST_IN_ALL: Final = 150_000


async def show_list(visit: Visit) -> Response:
    """GET /reviews/{review}/calls."""
    review = await kept_review(visit)
    if review is None:
        return not_there(visit)
    after = visit.query("after")
    number = int(after) if after.isascii() and after.isdecimal() and len(after) < 18 else 0
    found = await calls_of(visit.house.database, review.id, most=_MOST + 1, after=number)
    shown = found[:_MOST]
    return visit.page(
        "calls.html",
        **about(visit, review),
        calls=[(each, call_cost(each)) for each in shown],
        more=f"/reviews/{review.id}/calls?after={shown[-1].id}" if len(found) > _MOST else "",
        purposes=PURPOSES,
        tokens_text=tokens_text,
    )


async def show(visit: Visit) -> Response:
    """GET /reviews/{review}/calls/{call}."""
    review, call = await kept_review(visit), await _call(visit)
    if review is None or call is None or call.review != review.id:
        return not_there(visit)
    may_see = _may_see(visit, review)
    prompt, answer = await said_in(visit.house.database, call.id) if may_see else ("", "")
    return visit.page(
        "call.html",
        **about(visit, review),
        call=call,
        cost=call_cost(call),
        purpose=PURPOSES.get(call.purpose, "Asking"),
        may_see=may_see,
        prompt=_shown(prompt),
        answer=_shown(_indented(answer)),
        tokens_text=tokens_text,
    )


async def download(visit: Visit) -> Response:
    """GET /reviews/{review}/calls/{call}/said: all of the prompt and the answer, as JSON."""
    review, call = await kept_review(visit), await _call(visit)
    if review is None or call is None or call.review != review.id:
        return not_there(visit)
    if not _may_see(visit, review):
        raise AccessDenied(f"{review.repository.partition('/')[2]} is not among the repositories you answer for.")
    prompt, answer = await said_in(visit.house.database, call.id)
    if not prompt:
        return not_there(visit)
    told = {"prompt": json.loads(prompt), "answer": json.loads(answer) if answer else None}
    headers = {"content-disposition": f'attachment; filename="mesrai-{review.id}-call-{call.id}.json"'}
    return Response(json.dumps(told, indent=1), media_type="application/json", headers=headers)


def call_cost(call: Call) -> str:
    """What a call cost, in words; empty if that is not known."""
    return "" if call.nanos is None or call.is_open else money_text(amount_of(call.nanos), call.currency)


def _may_see(visit: Visit, review: KeptReview) -> bool:
    """Whether the person may see what was said: of all repositories, or of those named for a repository admin."""
    own = {each.lower() for each in visit.member.repositories}
    is_theirs = visit.may(Right.EDIT_CONFIGURATION) or review.repository.lower() in own
    return visit.may(Right.SEE_PROMPTS) and is_theirs


async def _call(visit: Visit) -> Call | None:
    text = visit.path("call")
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        return None
    return await find_call(visit.house.database, int(text))


def _indented(answer: str) -> str:
    """An answer whose words are JSON, with these laid out for people."""
    if not answer:
        return ""
    told: dict[str, Any] = json.loads(answer)
    try:
        words = json.dumps(json.loads(told["text"]), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return answer
    return json.dumps(told | {"text": words})


def _shown(text: str) -> Mapping[str, Any] | None:
    """What was said, cut to what a page can hold; None if it is not kept."""
    if not text:
        return None
    told: dict[str, Any] = json.loads(text)
    room = _MOST_IN_ALL
    for turn in [told, *told.get("turns", ())]:
        for name in ("system", "text"):
            if name in turn:
                most = min(_MOST_SHOWN, max(room, 500))
                turn["more"] = max(0, len(turn[name]) - most)
                turn[name] = visible(turn[name][:most])
                room -= len(turn[name])
    return told
