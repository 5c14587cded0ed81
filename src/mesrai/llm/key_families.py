"""Which kind of key an address takes, where one vendor issues several that do not work for one another."""

from typing import Final

# As of 2026-09: https://platform.kimi.ai/docs and https://www.kimi.com/code/docs. Each kind is made in its own console.
_INTERNATIONAL: Final = ("a Developer API key from platform.kimi.ai", "https://api.moonshot.ai/v1")
_MAINLAND: Final = ("a Developer API key from platform.kimi.com (mainland China)", "https://api.moonshot.cn/v1")
_CODE_PLAN: Final = ("a Kimi Code plan key from kimi.com/code", "https://api.kimi.com/coding")
_FAMILIES: Final = (_INTERNATIONAL, _MAINLAND, _CODE_PLAN)
_TAKES: Final = {
    "api.moonshot.ai": _INTERNATIONAL,
    "api.moonshot.cn": _MAINLAND,
    "api.kimi.com": _CODE_PLAN,
    "api.kimi.ai": _CODE_PLAN,
}


def key_advice(host: str) -> str:
    """A sentence on which key this host takes and where the vendor's other keys belong; a general one elsewhere."""
    own = _TAKES.get(host.lower())
    if own is None:
        return "Check that the key is whole, still valid, and belongs to this base URL and plan."
    others = "; ".join(f"{kind} belongs to {address}" for kind, address in _FAMILIES if (kind, address) != own)
    return f"This address takes {own[0]}. {others[0].upper()}{others[1:]}."
