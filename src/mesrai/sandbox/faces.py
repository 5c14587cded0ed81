"""The faces of the stand-in: one for each vendor's address it plays, told apart by the path."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Style(StrEnum):
    """Whose words, bodies and headers a face uses."""

    MOONSHOT = "moonshot"
    KIMI_CODE = "kimi_code"
    OPENROUTER = "openrouter"
    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    ZAI = "zai"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One vendor's address."""

    id: str
    name: str
    style: Style
    provider: str  # the catalogue's id of the provider it stands in for
    base: str  # path of the base URL a client is given
    prefix: str  # path under which the operations are
    models: str  # which list of models.toml
    key_starts: tuple[str, ...]  # keys that begin so belong here
    takes_any_key: bool = False  # also keys that belong to no other face
    knows_any_model: bool = False  # also ids that are on no list
    has_chat: bool = True
    has_messages: bool = False
    has_models: bool = True
    has_gate: bool = False  # the chat surface admits only listed clients
    has_body_limit: bool = False
    cap: int | None = None  # requests at once, of every account
    vendor: tuple[str, ...] = ()  # the addresses it stands in for
    sites: tuple[str, ...] = ()  # web sites and consoles that people take for them

    @property
    def is_kimi(self) -> bool:
        """Whether Moonshot's rules hold."""
        return self.style in (Style.MOONSHOT, Style.KIMI_CODE)


MOONSHOT: Final = Face(
    id="moonshot",
    name="Moonshot Developer API",
    style=Style.MOONSHOT,
    provider="moonshot",
    base="/v1",
    prefix="/v1",
    models="moonshot",
    vendor=(
        "https://api.moonshot.ai/v1",
        "https://api.moonshot.ai/anthropic",
    ),
    sites=(
        "https://platform.moonshot.ai",
        "https://platform.kimi.ai",
    ),
    key_starts=("sk-sim-",),
    takes_any_key=True,
    knows_any_model=True,
    has_messages=True,
)
FACES: Final = (
    MOONSHOT,
    Face(
        id="moonshot_cn",
        name="Moonshot Developer API, mainland China",
        style=Style.MOONSHOT,
        provider="moonshot_cn",
        base="/cn/v1",
        prefix="/cn/v1",
        models="moonshot",
        vendor=(
            "https://api.moonshot.cn/v1",
            "https://api.moonshot.cn/anthropic",
        ),
        sites=(
            "https://platform.moonshot.cn",
            "https://platform.kimi.com",
        ),
        key_starts=("sk-sim-cn-",),
    ),
    Face(
        id="kimi_code",
        name="Kimi Code Plan (kimi.com)",
        style=Style.KIMI_CODE,
        provider="kimi_code",
        base="/coding",
        prefix="/coding/v1",
        models="kimi_code",
        vendor=("https://api.kimi.com/coding",),
        sites=(
            "https://www.kimi.com",
            "https://kimi.com",
        ),
        key_starts=("sk-kimi-",),
        has_messages=True,
        has_gate=True,
        has_body_limit=True,
    ),
    Face(
        id="kimi_code_global",
        name="Kimi Code Plan (kimi.ai)",
        style=Style.KIMI_CODE,
        provider="kimi_code_global",
        base="/global/coding",
        prefix="/global/coding/v1",
        models="kimi_code",
        vendor=("https://api.kimi.ai/coding",),
        sites=(
            "https://www.kimi.ai",
            "https://kimi.ai",
        ),
        key_starts=("sk-kimi-sim-global",),
        has_messages=True,
        has_gate=True,
        has_body_limit=True,
    ),
    Face(
        id="openrouter",
        name="OpenRouter",
        style=Style.OPENROUTER,
        provider="openrouter",
        base="/openrouter/api/v1",
        prefix="/openrouter/api/v1",
        models="openrouter",
        vendor=("https://openrouter.ai/api/v1",),
        sites=("https://openrouter.ai",),
        key_starts=("sk-or-v1-",),
    ),
    Face(
        id="anthropic",
        name="Anthropic",
        style=Style.ANTHROPIC,
        provider="anthropic",
        base="/anthropic",
        prefix="/anthropic/v1",
        models="anthropic",
        vendor=("https://api.anthropic.com",),
        sites=(
            "https://console.anthropic.com",
            "https://platform.claude.com",
        ),
        key_starts=("sk-ant-",),
        has_chat=False,
        has_messages=True,
    ),
    Face(
        id="compat",
        name="OpenAI-compatible address",
        style=Style.OPENAI,
        provider="openai",
        base="/compat/v1",
        prefix="/compat/v1",
        models="compat",
        vendor=("https://api.openai.com/v1",),
        sites=("https://platform.openai.com",),
        key_starts=("sk-compat-",),
    ),
    Face(
        id="zai",
        name="Z.ai Developer API",
        style=Style.ZAI,
        provider="zai",
        base="/zai/api/paas/v4",
        prefix="/zai/api/paas/v4",
        models="zai",
        vendor=("https://api.z.ai/api/paas/v4",),
        sites=(
            "https://z.ai",
            "https://docs.z.ai",
        ),
        key_starts=("zai-sim-",),
        has_models=False,
    ),
    Face(
        id="zai_coding",
        name="Z.ai GLM Coding Plan",
        style=Style.ZAI,
        provider="zai_coding",
        base="/zai/api/coding/paas/v4",
        prefix="/zai/api/coding/paas/v4",
        models="zai",
        vendor=(
            "https://api.z.ai/api/coding/paas/v4",
            "https://api.z.ai/api/anthropic",
        ),
        sites=(),
        key_starts=("zai-sim-",),
        has_models=False,
        cap=1,
    ),
    Face(
        id="gemini",
        name="Google Gemini API",
        style=Style.GEMINI,
        provider="gemini",
        base="/gemini/v1beta",
        prefix="/gemini/v1beta",
        models="gemini",
        vendor=("https://generativelanguage.googleapis.com/v1beta",),
        sites=(
            "https://aistudio.google.com",
            "https://ai.google.dev",
        ),
        key_starts=("AIza-sim-",),
        has_chat=False,
    ),
)
