"""What the faces answer without asking a model: their models, balances, quotas and the facts of a key."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mesrai.sandbox.desk import Desk
from mesrai.sandbox.faces import Face, Style
from mesrai.sandbox.faults import Fault, own_name
from mesrai.sandbox.listing import list_of
from mesrai.sandbox.responses import Blanks, headers_of, refusal, refused
from mesrai.sandbox.sizing import prompt_tokens
from mesrai.sandbox.stage import Lookup
from mesrai.sandbox.worlds import World

_Tell = Callable[[Request, World], Response]
_WEEK_MINUTES: Final = 7 * 24 * 60


class Lookups:
    """The cheap questions about an account, at every face."""

    def __init__(self, desk: Desk) -> None:
        """Answer from what the desk knows."""
        self._desk = desk

    def routes(self, face: Face) -> list[Route]:
        """The face's paths."""
        told: dict[str, _Tell] = {}
        match face.style:
            case Style.MOONSHOT:
                told = {"/users/me/balance": self._balance, "/tokenizers/estimate-token-count": self._estimate}
            case Style.KIMI_CODE:
                told = {"/me": self._me, "/usages": self._usages}
            case Style.OPENROUTER:
                told = {"/key": self._key, "/credits": self._credits}
        if face.has_models:
            told["/models"] = self._models_of(face)
        return [
            Route(
                f"{face.prefix}{path}",
                self._serving(face, tell, is_public=face.style is Style.OPENROUTER and path == "/models"),
                methods=["POST" if path.startswith("/tokenizers") else "GET"],
            )
            for path, tell in told.items()
        ]

    def _serving(self, face: Face, tell: _Tell, *, is_public: bool) -> Callable[[Request], Any]:
        async def serve(request: Request) -> Response:
            key = self._desk.sent_key(face, request, is_messages=face.has_messages)
            response = await self._told(request, face, tell, key, is_public=is_public)
            path = request.url.path
            self._desk.stage.keep_lookup(Lookup(path=path, key=key, status=response.status_code))
            number = len(self._desk.stage.lookups)
            response.headers.update(headers_of(face, number, self._desk.stage.account_of(key), None))
            return response

        return serve

    async def _told(self, request: Request, face: Face, tell: _Tell, key: str, *, is_public: bool) -> Response:
        if request.method == "POST":
            await request.body()
        fault = self._desk.stage.lookup_fault(key, request.headers.get("x-sim-fault", ""), face.id)
        if fault is not None and fault.name in ("ttft", "no_answer"):
            await asyncio.sleep(min(fault.number("ms", 30_000) / 1000, self._desk.manners.hold_s))
        elif fault is not None:
            return refusal(replace(fault, name=own_name(face.style, fault.name)), Blanks(key=key))
        world = self._desk.worlds.find(key, face)
        if world is None and is_public:
            world = World(key=key, faces=(face.id,), told="")
        if world is None:
            return refused(face, "bad_key", Blanks(key=key))
        if world.lookup_refuses:
            return refusal(Fault(name=world.lookup_refuses), Blanks(key=key))
        return tell(request, world)

    def _models_of(self, face: Face) -> _Tell:
        def tell(_: Request, __: World) -> Response:
            return JSONResponse(list_of(self._desk.models.listed(face), face, self._desk.manners.window))

        return tell

    def _balance(self, _: Request, world: World) -> Response:
        amount = self._amount(world)
        voucher = round(max(amount - 3.00001, 0), 5)
        balance = {
            "available_balance": amount,
            "voucher_balance": voucher,
            "cash_balance": round(amount - voucher, 5),
        }
        return JSONResponse({"code": 0, "data": balance, "scode": "0x0", "status": True})

    def _estimate(self, request: Request, _: World) -> Response:
        try:
            chat = json.loads(getattr(request, "_body", b"") or b"{}")
        except ValueError:
            chat = {}
        return JSONResponse({"data": {"total_tokens": prompt_tokens(chat)}})

    def _me(self, request: Request, _: World) -> Response:
        region = "global" if request.url.path.startswith("/global") else "cn"
        return JSONResponse({"user_id": "u-sim", "user_level_name": "sandbox", "status": "active", "region": region})

    def _usages(self, _: Request, world: World) -> Response:
        is_month = world.refuses == "quota_window"
        reset_at = self._desk.reset_at(world)
        is_spent = world.window_minutes is not None and time.time() < reset_at
        minute_s = self._desk.manners.minute_s
        window_end = reset_at if world.window_minutes is not None else self._desk.stage.started_at + 214 * minute_s
        week_end = self._desk.stage.started_at + _WEEK_MINUTES * minute_s
        window = {"used": "100" if is_spent else "1", "limit": "100", "resetTime": _zulu(window_end)}
        return JSONResponse(
            {
                "usage": {
                    "used": "1000" if is_month else "40",
                    "limit": "1000",
                    "resetTime": _zulu(week_end),
                },
                "limits": [{"window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"}, "detail": window}],
                "parallel": {"limit": str(world.limits.concurrency or 30)},
            }
        )

    def _key(self, _: Request, world: World) -> Response:
        left = self._amount(world)
        facts = {
            "label": f"{world.key[:11]}…{world.key[-2:]}",
            "limit": 10,
            "limit_reset": None,
            "limit_remaining": left,
            "include_byok_in_limit": False,
            "usage": round(10 - left, 4),
            "usage_daily": 0.1,
            "usage_weekly": 1.0,
            "usage_monthly": round(10 - left, 4),
            "is_free_tier": world.is_free,
        }
        return JSONResponse({"data": facts})

    def _credits(self, _: Request, world: World) -> Response:
        if not world.is_management:
            return JSONResponse(
                {"error": {"code": 403, "message": "Only management keys can perform this operation"}}, 403
            )
        return JSONResponse({"data": {"total_credits": 100.5, "total_usage": round(100.5 - world.balance, 4)}})

    def _amount(self, world: World) -> float:
        fault = self._desk.stage.standing_fault(world.key)
        is_broke = fault is not None and fault.name in ("quota", "no_credit", "quota_403")
        return -0.5 if is_broke else world.balance


def _zulu(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
