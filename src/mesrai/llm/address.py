"""Make a base URL that somebody typed fit to send requests to, or say what is wrong with it."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mesrai.errors import SettingsError
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.endpoint import Dialect
from mesrai.llm.words import safe_words

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_PATH: Final = re.compile(r"[A-Za-z0-9._~/:@+,=()-]*")
_KEY: Final = re.compile(r"(?:^|/)(?:(?:sk|gsk|fw|cpk)[-_]|AIza)[^/]{12,}", re.IGNORECASE)
_OPERATIONS: Final = (
    ("/chat/completions", Dialect.OPENAI),
    ("/completions", Dialect.OPENAI),
    ("/responses", Dialect.OPENAI),
    ("/messages", Dialect.ANTHROPIC),
    ("/models", None),
)
_CALL: Final = re.compile(r"/(?:models|tunedModels)/[^/:]+:[A-Za-z]+$")  # Gemini's: the model's name and the method
_DOUBLED: Final = re.compile(r"(/v[0-9]+[a-z0-9]*)\1$")
_LOCAL_NAMES: Final = (".local", ".localhost", ".internal", ".lan", ".home", ".home.arpa", ".intranet", ".test")
_METADATA: Final = ("metadata.google.internal",)  # the name of such a link-local address
# The C library reads these as IPv4 addresses, whatever they look like: 134744072 is 8.8.8.8.
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*")
_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")  # carrier-grade NAT; overlay networks use it for private hosts
_DEFAULT_PORT: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A base URL fit for use."""

    url: str  # scheme, host, port and path; no slash at the end
    provider: ProviderRow | None  # whose address it is, if it is known
    dialect: Dialect | None = None  # the format that a cut-off operation path spoke
    notices: tuple[str, ...] = ()  # what was repaired


def clean_base_url(text: str, providers: Sequence[ProviderRow], chosen: ProviderRow | None = None) -> Address:
    """Repair what was typed as a base URL. `chosen` is the provider the user named, if any.

    Cleaning what was cleaned changes nothing. Errors: SettingsError, which never repeats a key found in the URL.
    """
    found = _cleaned_once(text, providers, chosen, None)
    notices = list(found.notices)
    while (again := _cleaned_once(found.url, providers, chosen, found.dialect)).url != found.url:
        found = again
        notices += again.notices
    return replace(found, notices=tuple(dict.fromkeys(notices)))


def owner_of(url: str, providers: Sequence[ProviderRow], chosen: ProviderRow | None = None) -> ProviderRow | None:
    """Whose address a cleaned URL is; None if it is nobody's that is known.

    Of several at one host it is the one whose path fits best, or else the chosen one. A local server is
    the chosen one's where an operator's file says so, or else is known by its port, unless another was chosen.
    """
    host = urlsplit(url)
    if _is_local(host.hostname or ""):
        if chosen and not chosen.is_anywhere and any(_is_below(url, address) for address in chosen.addresses):
            return chosen  # an operator's file puts it there
        is_open = chosen is None or not chosen.base_url
        return next((row for row in providers if is_open and row.local_port and row.local_port == host.port), None)
    best: tuple[int, ProviderRow | None] = (0, None)
    at_host: list[ProviderRow] = []
    for row in providers:
        given = [*row.addresses, *(instead.address for instead in row.instead)]
        fit = max((len(address) for address in given if _is_below(url, address)), default=0)
        best = max(best, (fit, row), key=lambda each: each[0])
        if any(urlsplit(address).netloc == host.netloc for address in given):
            at_host.append(row)
    if best[1] is not None or not at_host:
        return best[1]
    return chosen if chosen in at_host else at_host[0]


def _cleaned_once(
    text: str, providers: Sequence[ProviderRow], chosen: ProviderRow | None, dialect: Dialect | None
) -> Address:
    parts, notices = _parsed(text)
    host = _host_and_port(parts)
    path, cut = _without_operation(parts.path, notices)
    dialect = dialect or cut
    path = _without_doubled_version(path, notices)
    url = f"{parts.scheme}://{host}{path}"
    owner = owner_of(url, providers, chosen)
    spoken = owner or chosen
    is_settled = owner is not None or (chosen is not None and bool(chosen.base_url))  # an operation cannot change it
    said = spoken.dialect if spoken and (is_settled or dialect is None) else dialect
    is_messages = said is Dialect.ANTHROPIC
    if is_messages and dialect is Dialect.ANTHROPIC:
        url = url.removesuffix("/v1")
    if spoken is not None:
        url = _at_provider(url, spoken, notices, is_owner=owner is not None)
    if is_messages and url.endswith("/v1"):
        url = url.removesuffix("/v1")
        notices.append("/v1 was cut from the base URL: Mesrai appends /v1/messages itself.")
    return Address(url=url, provider=owner, dialect=dialect, notices=tuple(notices))


def _parsed(text: str) -> tuple[SplitResult, list[str]]:
    """The typed URL, taken apart; it has a scheme and a host and holds no key. Errors: SettingsError."""
    typed = text.strip().strip("\"'`<>").strip()
    typed = re.sub(r"^(https?):/?(?=[A-Za-z])", r"\1://", typed, flags=re.IGNORECASE).lstrip("/")
    if not typed:
        raise SettingsError("The base URL is empty.")
    notices: list[str] = []
    if _KEY.search(typed):
        raise SettingsError("The base URL seems to hold a key. Give the address alone, and the key in `key`.")
    scheme = _SCHEME.match(typed)
    if scheme is None:
        if not re.search(r"[.:]|^localhost$", typed.split("/", 1)[0], re.IGNORECASE):
            raise SettingsError("The base URL is no address; expected is something like https://api.moonshot.ai/v1.")
        guessed = "http" if _is_local(_bare_host(typed)) else "https"
        typed = f"{guessed}://{typed}"
        notices.append(f"The base URL has no scheme; {guessed}:// is used.")
    elif scheme[1].lower() not in ("http", "https"):
        raise SettingsError("The base URL must begin with https:// or http://.")
    try:
        parts = urlsplit(typed)
        _ = parts.port
    except ValueError as error:
        raise SettingsError("The base URL cannot be read: its host or port is malformed.") from error
    _refuse_secrets(parts)
    return parts, notices


def _refuse_secrets(parts: SplitResult) -> None:
    """Errors: SettingsError for a user name, a query or a fragment, where keys hide."""
    if "@" in parts.netloc:
        raise SettingsError(
            "The base URL holds a user name or a key before the host. Give the address alone, and the key in `key`, "
            "`key_env` or the provider's environment variable."
        )
    if parts.query or parts.fragment:
        raise SettingsError(
            "The base URL has a part after ? or #, where keys do not belong. Give the address alone, and the key in "
            "`key`, `key_env` or the provider's environment variable."
        )
    if not _PATH.fullmatch(parts.path):
        raise SettingsError("The path of the base URL has characters that no address of an API has.")


def _host_and_port(parts: SplitResult) -> str:
    """Host and port in their plain form. Errors: SettingsError, also for http to a host on the internet."""
    name = (parts.hostname or "").lower().rstrip(".")
    shown = f"[{name}]" if ":" in name else name
    if not _HOST.fullmatch(shown) or ".." in shown:
        raise SettingsError("The base URL has no usable host name.")
    if _NUMBER.fullmatch(name) and not _is_address(name):
        raise SettingsError("The host of the base URL is an address in an unusual form. Write it as in 192.168.1.20.")
    if parts.scheme == "http" and not _is_local(name):
        raise SettingsError(
            f"http://{safe_words(shown, 80)} would send the key and the code unencrypted over the internet. Use https://."
        )
    has_port = parts.port is not None and parts.port != _DEFAULT_PORT[parts.scheme]
    return f"{shown}:{parts.port}" if has_port else shown


def _without_operation(path: str, notices: list[str]) -> tuple[str, Dialect | None]:
    """The path without slashes at its end and without the operation that a dialect appends by itself."""
    path = re.sub("/{2,}", "/", path).rstrip("/")
    dialect: Dialect | None = None
    if call := _CALL.search(path):
        path, dialect = path[: call.start()], Dialect.GEMINI
        notices.append(f"{safe_words(call.group(), 80)} was cut from the base URL: Mesrai appends it itself.")
    while True:
        found = next(((tail, kind) for tail, kind in _OPERATIONS if path.lower().endswith(tail)), None)
        if found is None:
            return path, dialect
        tail, kind = found
        path = path[: -len(tail)].rstrip("/")
        dialect = dialect or kind
        notices.append(f"{tail} was cut from the base URL: Mesrai appends it itself.")


def _without_doubled_version(path: str, notices: list[str]) -> str:
    while doubled := _DOUBLED.search(path):
        path = path[: -len(doubled[1])]
        notices.append(f"The base URL had {doubled[1]} twice; one is used.")
    return path


def _at_provider(url: str, row: ProviderRow, notices: list[str], *, is_owner: bool) -> str:
    """The URL with what is wrong or missing of the provider's own path."""
    instead = next((each for each in row.instead if _is_below(url, each.address)), None)
    if instead is not None:
        notices.append(instead.notice)
        return row.base_url
    path, own = urlsplit(url).path, urlsplit(row.base_url).path
    if row.is_anywhere and row.base_url and not path:
        notices.append(f"{own} was added to the base URL: the API of {row.name} is there.")
        return url + own
    if not is_owner or row.is_anywhere or url.removesuffix("/v1") in row.addresses or url in row.addresses:
        return url
    if path in ("", *_beginnings(own)):
        notices.append(f"The API of {row.name} is at {row.base_url}, which is used.")
        return row.base_url
    notices.append(f"The path of the base URL is none that is known of {row.name}; it is used as it stands.")
    return url


def _beginnings(path: str) -> list[str]:
    """/a, /a/b of /a/b/c."""
    steps = path.split("/")[1:-1]
    return ["/" + "/".join(steps[: count + 1]) for count in range(len(steps))]


def _is_below(url: str, address: str) -> bool:
    """Whether the URL is the address, or a path under it. Sites without a path mean all that is under them."""
    return url == address or url.startswith(address + "/")


def _bare_host(typed: str) -> str:
    """The host of a URL without a scheme."""
    before_path = typed.split("/", 1)[0].rsplit("@", 1)[-1]
    if before_path.startswith("["):
        return before_path[1:].split("]", 1)[0]
    return before_path.rsplit(":", 1)[0] if before_path.count(":") == 1 else before_path


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    """Whether a host is this machine or on a private network, as far as its name tells."""
    name = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name not in _METADATA and ("." not in name or name.endswith(_LOCAL_NAMES))
    mapped = address.ipv4_mapped if address.version == 6 else None
    address = mapped or address
    if address.is_link_local:
        return False  # cloud machines answer with their credentials there
    return address.is_private or address.is_loopback or (address.version == 4 and address in _SHARED)
