"""The address of every page in the seeded organisation, by its path as it stands in PAGES."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from tests.web.seeded import FOLDER, LIVE, RESULT, RULE, SHOP, Seeded

TITLE = quote(RULE)
# Addresses to look at, by the path as it stands in PAGES. A page that is new needs one here.
SHOWN: Mapping[str, Sequence[str]] = {
    "/sign-in": ("/sign-in",),
    "/welcome": ("/welcome",),
    "/join": ("/join",),
    "/start": ("/start",),
    "/account": ("/account",),
    "/people": ("/people",),
    "/audit": ("/audit", "/audit?before=3"),
    "/usage": ("/usage", "/usage?since=2020-01-01&until=2020-01-31", "/usage?since=yesterday"),
    "/organization/github": ("/organization/github",),
    "/organization/webhooks": ("/organization/webhooks",),
    "/organization/webhooks/{webhook}": ("/organization/webhooks/{webhook}",),
    "/repositories": ("/repositories",),
    "/repositories/pulls": (f"/repositories/pulls?name={SHOP}",),
    "/organization/byok": (
        "/organization/byok",
        "/organization/byok?slot=main&card=kimi-k2.6&choose=1",
        "/organization/byok?slot=fallback&choose=1",
    ),
    "/organization/byok/edit": ("/organization/byok/edit?slot=main",),
    "/organization/byok/manual": ("/organization/byok/manual?slot=fallback",),
    "/reviews": ("/reviews", "/reviews?author=ada", "/reviews?title=nothing+is+called+so", "/reviews?since=never"),
    "/reviews/{review}": (f"/reviews/{RESULT}", f"/reviews/{LIVE}", "/reviews/job-3", "/reviews/job-5", "/reviews/no"),
    "/reviews/{review}/calls": (f"/reviews/{RESULT}/calls", "/reviews/job-2/calls"),
    "/reviews/{review}/calls/{call}": (f"/reviews/{RESULT}/calls/{{call}}",),
    "/configuration": (
        "/configuration",
        f"/configuration?repository={SHOP}",
        f"/configuration?repository={SHOP}&folder={FOLDER}",
    ),
    "/configuration/text": ("/configuration/text", f"/configuration/text?repository={SHOP}"),
    "/rules": ("/rules", f"/rules?repository={SHOP}"),
    "/rules/edit": ("/rules/edit", f"/rules/edit?title={TITLE}"),
    "/rules/try": (f"/rules/try?title={TITLE}", f"/rules/try?repository={SHOP}&title={TITLE}"),
    "/memories": ("/memories", "/memories?state=pending", "/memories?state=discarded"),
    "/memories/edit": ("/memories/edit", "/memories/edit?id={memory}"),
    "/queue": ("/queue",),
}
# Those that are no pages of HTML: downloads, pieces as they come, and ways to another page.
OTHERS: Mapping[str, str] = {
    "/": "/",
    "/sign-in/oidc": "/sign-in/oidc",
    "/sign-in/oidc/back": "/sign-in/oidc/back",
    "/usage.csv": "/usage.csv",
    "/organization/github/created": "/organization/github/created?code=a&state=b",
    "/reviews/{review}/live": f"/reviews/{RESULT}/live",
    "/reviews/{review}/report/{form}": f"/reviews/{RESULT}/report/json",
    "/reviews/{review}/calls/{call}/said": f"/reviews/{RESULT}/calls/{{call}}/said",
    "/rules/file": f"/rules/file?title={TITLE}",
}
ADDRESSES = [address for addresses in SHOWN.values() for address in addresses]


def at(seeded: Seeded, address: str) -> str:
    """An address with the numbers of that organisation."""
    known = {"{call}": seeded.call, "{memory}": seeded.memory, "{webhook}": seeded.webhook}
    for name, value in known.items():
        address = address.replace(name, str(value))
    return address
