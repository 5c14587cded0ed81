"""Send webhooks out, to public addresses and to those that the operator named."""

from collections.abc import Mapping
from typing import Final

import aiohttp

from mesrai import __version__
from mesrai.flows.webhooks import Answered, Post
from mesrai.llm.reach import Closed, GuardedResolver, Reach

_PATIENCE_S: Final = 10.0
_INSIDE: Final = "The address lies inside the network that the service runs in."


def sending(reach: Reach) -> Post:
    """How a delivery is sent: no redirect is followed, no proxy asked, and of the answer only the status is read."""

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        if reach.refuses(url):
            return Answered(status=None, told=_INSIDE)
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
        connector = aiohttp.TCPConnector(resolver=GuardedResolver(reach, frozenset()), force_close=True)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
                ) as client,
                client.post(
                    url,
                    data=body,
                    headers={**headers, "User-Agent": f"Mesrai-Webhook/{__version__}"},
                    allow_redirects=False,
                ) as response,
            ):
                return Answered(status=response.status)
        except TimeoutError:
            return Answered(status=None, told=f"No answer came within {_PATIENCE_S:g} seconds.")
        except aiohttp.ClientError as error:
            is_inside = isinstance(error.__cause__, Closed) or isinstance(getattr(error, "os_error", None), Closed)
            return Answered(status=None, told=_INSIDE if is_inside else _words(error))
        except (OSError, ValueError):
            return Answered(status=None, told="The address cannot be reached.")

    return post


def _words(error: aiohttp.ClientError) -> str:
    """Why nothing came, without what addresses and libraries say of themselves."""
    if isinstance(error, aiohttp.ClientSSLError):
        return "The certificate of the address is not valid."
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The address cannot be reached."
    return "The connection ended before an answer came."
