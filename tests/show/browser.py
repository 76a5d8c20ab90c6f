"""A headless Chromium for tests of pages; those tests are skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

#: So many pixels is a desktop's window, and a phone's.
DESKTOP, PHONE = (1440, 900), (390, 844)


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a running browser, or skip."""
    playwright = pytest.importorskip("playwright.sync_api", exc_type=ImportError)
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH")
    with playwright.sync_playwright() as running:
        # Without its sandbox, for machines where tests run as root.
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Page:
    """A page that is open, everything that it complained of, and everything that it asked for."""

    def __init__(self, browser: Any, url: str, size: tuple[int, int] = DESKTOP, **more: Any):
        width, height = size
        viewport = {"width": width, "height": height}
        self.context = browser.new_context(viewport=viewport, **more)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self._dialog(dialog))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def text(self, selector: str) -> str:
        """The text of the first element that fits."""
        return str(self.page.locator(selector).first.inner_text())

    def texts(self, selector: str) -> list[str]:
        """The text of each element that fits."""
        return [str(text) for text in self.page.locator(selector).all_inner_texts()]

    def count(self) -> str:
        """What the page says of where it is: ``3 / 6``."""
        return self.text("#count")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
