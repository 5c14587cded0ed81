"""A real browser for the pages: Debian's Chromium, driven by playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.web.stand import Person

WITHOUT_CHROMIUM = "Chromium is not installed here (Debian's package `chromium`)"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Skips where Chromium is not installed."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip(WITHOUT_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def a_window(
    browser: Browser, person: Person, *, size: dict[str, int] | None = None, dark: bool = False, scripts: bool = True
) -> Iterator[Page]:
    """A window of a person's own, signed in as that person is. What the page's console complains of is a failure."""
    context: BrowserContext = browser.new_context(
        base_url=person.url,
        viewport=size or DESK,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        locale="en-GB",
        timezone_id="UTC",
    )
    context.add_cookies([{"name": name, "value": value, "url": person.url} for name, value in person.cookies.items()])
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
        assert [each for each in complaints if "status of 4" not in each] == []
    finally:
        context.close()


def faults_of(page: Page) -> list[str]:
    """What axe finds serious or worse about a page's accessibility: each rule with an element that breaks it."""
    found = Axe().run(page)
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def overflow_of(page: Page) -> int:
    """By how many pixels the page is wider than its window; a page that fits gives 0."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide
