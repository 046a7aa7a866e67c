"""A headless Chromium, for the tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,1400",
)


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """Open a browser with this new profile until the block ends."""
    options = ChromeOptions()
    options.binary_location = _program(*PROGRAMS)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    # With the driver named, Selenium does not look for one on the network.
    chrome = Chrome(options, Service(_program("chromedriver")))
    try:
        chrome.set_page_load_timeout(30)
        yield chrome
    finally:
        chrome.quit()


def _program(*names: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise AssertionError(
        f"There is no {names[0]}; tests/install-prerequisites.sh installs it, or names the package."
    )
