"""Every name a setting has, in the environment and in the file, and what it means."""

from collections.abc import Mapping
from typing import Final

from mesrai.domain.connection import Slot

# name after MESRAI_ or MESRAI_FALLBACK_ → key of [main] and [fallback] in the file, and what it means
SLOT_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "PROVIDER": ("provider", "Who serves the model: an id of docs/catalogue.md. Not needed where the base URL tells."),
    "BASE_URL": ("base_url", "The address, where it is not the provider's usual one."),
    "MODEL": ("model", "The model's id at the provider, or `auto` for the provider's default."),
    "API_KEY": ("key", "The key itself."),
    "API_KEY_ENV": ("key_env", "The name of the environment variable that holds the key."),
    "THINKING": (
        "thinking",
        "How much the model reasons: off, low, medium, high, or custom: only what the custom JSON says. "
        "Default: medium, or custom where there is custom JSON.",
    ),
    "CUSTOM_JSON": (
        "custom_json",
        'Fields to send, as JSON: `{"thinking": {"type": "disabled"}}`. They stand in place of the level of thinking.',
    ),
    "TEMPERATURE": ("temperature", "Refused where the model fixes its own, as Kimi's do. Default: none is sent."),
    "MAX_OUTPUT_TOKENS": ("max_output_tokens", "The most tokens of one answer, reasoning included."),
    "MAX_CONCURRENT_REQUESTS": ("max_concurrent_requests", "The most requests in flight at once."),
    "TIER": ("tier", "The tier of your account, which fills in the limits that are not set: see docs/catalogue.md."),
    "REQUESTS_PER_MINUTE": ("requests_per_minute", "The most requests in a minute."),
    "TOKENS_PER_MINUTE": (
        "tokens_per_minute",
        "The most tokens in a minute, prompts and allowed answers together.",
    ),
    "TOKENS_PER_DAY": ("tokens_per_day", "The most tokens in a day."),
    "ROUTING": ("routing", "OpenRouter only: the hosts to try, in this order, with commas between them."),
    "ROUTING_FALLBACKS": (
        "routing_fallbacks",
        "OpenRouter only: whether other hosts may serve the model where none of these does. Default: true.",
    ),
}
FIXED_NAMES: Final[Mapping[str, str]] = {
    "API_LLM_PROVIDER_MODEL": "The model's id, or `auto` for the provider's default.",
    "API_OPENAI_FORCE_BASE_URL": "The address of an OpenAI-compatible service. Default: OpenAI's.",
    "API_OPEN_AI_API_KEY": "The key for that address.",
}
LIMIT_KEYS: Final[Mapping[str, str]] = {
    "connect_s": "Seconds to connect.",
    "first_token_s": "Seconds from the request to the first part of the answer.",
    "idle_s": "Seconds between two parts of the answer.",
    "total_s": "Seconds for a whole request.",
    "question_s": "Seconds for one question with all its tries and the waits between them.",
}
PROCESS_NAMES: Final[Mapping[str, str]] = {
    "MESRAI_CONFIG": "The path of the settings file.",
    "MESRAI_CATALOGUE": "The path of a TOML file with rows that are laid over the catalogue's own.",
    "MESRAI_CENTRAL_CONFIG": "The path of a checkout of your central repository, for reviews in a terminal. "
    "See docs/configuration.md.",
    "MESRAI_DATABASE_URL": "Where saved connections are kept: `sqlite:///path` or `postgresql://…`. "
    "Default: `mesrai.db` in the user's data folder for `mesrai`.",
    "MESRAI_DATABASE_URL_FILE": "The path of a file that holds it, such as a secret that is mounted into a container.",
    "MESRAI_ORGANISATION": "Whose saved connections are used. Default: `default`.",
    "MESRAI_MASTER_KEY": "The master key that saved keys are sealed with. Without any of these four, and without "
    "`API_CRYPTO_KEY`, one is made at first use in `master.key` beside the database.",
    "MESRAI_MASTER_KEY_FILE": "The path of a file that holds the master key.",
    "MESRAI_MASTER_KEY_COMMAND": "A command that prints the master key.",
    "MESRAI_MASTER_KEY_PREVIOUS": "Earlier master keys, which still open what was sealed with them.",
    "MESRAI_API_URL": "The address of your team's server, for reviews in a terminal or a pipeline without a model of "
    "their own. See docs/team.md.",
    "MESRAI_TOKEN": "The token for that server.",
    "MESRAI_MCP_TOKEN": "The bearer token that clients of `mesrai mcp --http` send. Default: one is made and printed.",
    "MESRAI_SKIP_HOOK": "`1` skips the hook of `mesrai hook install` once.",
    "MESRAI_VERBOSE": "`true` is `--verbose`.",
}
FILE_KEYS: Final = ("main", "fallback", "limits", "catalogue", "database")
PREFIXES: Final[Mapping[Slot, str]] = {Slot.MAIN: "MESRAI_", Slot.FALLBACK: "MESRAI_FALLBACK_"}
