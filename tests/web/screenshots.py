"""Make the pictures of the documents, docs/images/*.png, from the organisation of seeded.py. By hand:

python -m tests.web.screenshots
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import PHONE, a_browser, a_window
from tests.web.seeded import LIVE, RESULT, RULE, SHOP, Seeded, a_seeded_site

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = {"width": 1180, "height": 820}
MOST_BYTES = 1_500_000
# What stands on the pages in place of the stand-in's own addresses, which no reader has.
_REAL = {
    "/zai": "https://api.z.ai",
    "/v1": "https://api.moonshot.ai/v1",
    "/coding": "https://api.kimi.com/coding",
    "": "https://api.moonshot.ai",
}
_REPLACE = """(pairs) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    for (const [from, to] of pairs)
      walker.currentNode.textContent = walker.currentNode.textContent.replaceAll(from, to);
}"""


def _nothing(_page: Page) -> None:
    pass


def _pass_a_test(page: Page) -> None:
    page.get_by_label("API key").fill("sk-sim-ok-tier1")
    page.get_by_role("button", name="Test & save").click()
    expect(page.get_by_text("Saved as main")).to_be_visible()
    page.get_by_role("heading", name="Kimi K2.6 Coding").evaluate(
        "(heading) => { heading.scrollIntoView(); scrollBy(0, -24) }"
    )


@dataclass(frozen=True)
class Picture:
    """One picture: where, what is done there first, and how."""

    path: str
    prepare: Callable[[Page], None] = _nothing
    size: Mapping[str, int] | None = None
    is_dark: bool = False


PICTURES: Mapping[str, Picture] = {
    "start": Picture("/start"),
    "byok": Picture(
        "/organization/byok?slot=main&card=kimi-k2.6&choose=1", _pass_a_test, {"width": 1180, "height": 1640}
    ),
    "review": Picture(f"/reviews/{RESULT}", size={"width": 1180, "height": 1300}),
    "review-live": Picture(f"/reviews/{LIVE}"),
    "reviews-phone": Picture("/reviews", size=PHONE, is_dark=True),
    "usage": Picture("/usage", size={"width": 1180, "height": 1000}),
    "configuration": Picture(f"/configuration?repository={SHOP}"),
    "rules": Picture("/rules"),
    "rule": Picture(f"/rules/edit?title={RULE}", size={"width": 1180, "height": 1000}),
    "people": Picture("/people", size={"width": 1180, "height": 1000}),
    "queue": Picture("/queue"),
}


def make(folder: Path) -> Mapping[str, int]:
    """Make them all; the bytes of each."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, a_seeded_site(Path(home)) as seeded, a_browser() as browser:
        return {name: _take(browser, seeded, picture, folder / f"{name}.png") for name, picture in PICTURES.items()}


def _take(browser: Browser, seeded: Seeded, picture: Picture, to: Path) -> int:
    size = dict(picture.size or SIZE)
    with a_window(browser, seeded.owner, size=size, dark=picture.is_dark) as page:
        page.goto(picture.path, wait_until="load")
        picture.prepare(page)
        pairs = [[f"{seeded.sandbox.root}{path}", real] for path, real in _REAL.items()]
        page.evaluate(_REPLACE, pairs)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=to, scale="css", animations="disabled")
    return to.stat().st_size


def main() -> None:
    """Make them, and say how large they are."""
    sizes = make(IMAGES)
    for name, size in sizes.items():
        print(f"{name:16} {size / 1_000:6.0f} kB")
    if sum(sizes.values()) > MOST_BYTES:
        raise SystemExit(f"{sum(sizes.values()):,} bytes are more than {MOST_BYTES:,}.")


if __name__ == "__main__":
    main()
