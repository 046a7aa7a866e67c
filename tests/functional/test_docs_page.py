"""/docs, looked at and used with a real browser.

On the default shape alone: the page is the same file in each, and what it asks for is asked by
other tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from fpservice.services.demo import example
from tests.functional.browser import browser
from tests.served import Served

SECONDS = 20
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "docs-page.png"
LOOKUP = "#operations-Lookup-postLookup"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("docs-page")
    with Served.start({"FPSERVICE_DATA": str(folder)}, "--demo") as served:
        yield served


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


@pytest.fixture
def page(opened: Chrome, served: Served) -> Chrome:
    opened.get("about:blank")
    opened.get(f"{served.url}/docs")
    wait(opened, lambda: opened.find_element(By.CSS_SELECTOR, LOOKUP))
    return opened


def wait(page: Chrome, look: Callable[[], WebElement]) -> WebElement:
    found: WebElement = WebDriverWait(page, SECONDS, ignored_exceptions=[Exception]).until(
        lambda _: look()
    )
    return found


def press(page: Chrome, selector: str) -> None:
    button = wait(page, lambda: page.find_element(By.CSS_SELECTOR, selector))
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def test_the_page_makes_a_lookup_and_shows_the_answer(page: Chrome, served: Served) -> None:
    press(page, f"{LOOKUP} .opblock-summary-control")
    press(page, f"{LOOKUP} .execute")
    answer = wait(
        page,
        lambda: page.find_element(By.CSS_SELECTOR, f"{LOOKUP} .live-responses-table .response"),
    )
    assert "200" in answer.text
    assert example().title in answer.text
    if os.environ.get("TAKE_PICTURES"):
        take_picture(page)


def test_everything_comes_from_the_service_and_the_policy_allows_it(
    page: Chrome, served: Served
) -> None:
    press(page, f"{LOOKUP} .opblock-summary-control")
    press(page, f"{LOOKUP} .execute")
    wait(page, lambda: page.find_element(By.CSS_SELECTOR, f"{LOOKUP} .live-responses-table"))
    script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    loaded = page.execute_script(script)
    assert f"{served.url}/v2/lookup" in loaded
    assert [address for address in loaded if not address.startswith(served.url)] == []
    assert page.get_log("browser") == []


def take_picture(page: Chrome) -> None:
    page.set_window_size(1280, 2100)
    page.execute_script(
        "document.querySelector(arguments[0]).scrollIntoView({block: 'start'})", LOOKUP
    )
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    assert page.save_screenshot(str(PICTURE))
