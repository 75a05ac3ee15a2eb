"""The selected place tells more: lines around it, the outline of its file, code like it, and why it was found."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from .conftest import FILES, Page
from .test_search import asked

pytestmark = pytest.mark.xdist_group("web")
"""One browser and one server for all of them, also where tests run two at a time."""


def lines(page: Page) -> list[str]:
    return str(
        page.run("return [...document.querySelectorAll('.code .line')].map((e) => e.textContent).join('')")
    ).splitlines()


def test_more_lines_around_the_code_are_those_of_the_file(page: Page) -> None:
    asked(page)
    page.until(lambda: lines(page))
    before = len(lines(page))
    page.click(".code")
    page.press("x")
    page.until(lambda: len(lines(page)) > before)
    page.press("x")
    whole = FILES["lib/net.py"].splitlines()
    page.until(lambda: lines(page) == whole)
    assert page.run("return [...document.querySelectorAll('.code .line')].map((e) => Number(e.dataset.line))") == list(
        range(1, len(whole) + 1)
    )
    page.until(
        lambda: not any(button.is_displayed() for button in page.all(".listing .more")), "there are no more lines"
    )


def test_the_outline_jumps_to_a_declaration(page: Page) -> None:
    asked(page)
    page.press(Keys.ESCAPE)
    page.one(".hit").send_keys("o")
    page.one(".symbols")
    names = page.run("return [...document.querySelectorAll('.symbols .name')].map((e) => e.innerText.trim())")
    assert names == ["ATTEMPTS", "Session", "__init__", "address", "get", "request", "retry_upload"] or {
        "Session", "get", "retry_upload"
    } <= set(names)  # fmt: skip
    assert page.run("return document.querySelector('.symbol[aria-current] .name').innerText") == "retry_upload"
    page.press(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)
    page.says(".code .here", "def get")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#place").find_element("id", "panel").is_displayed())
    page.press(Keys.ESCAPE)
    page.says(".code", "def retry_upload")
    assert page.hits()[0].startswith("lib/net.py")


def test_related_code_can_be_visited_and_left(page: Page) -> None:
    asked(page)
    page.click("[data-panel=related]")
    page.one("#panel .symbol .path")
    page.focuses("0")
    target = page.text("#panel .symbol .path")
    page.press(Keys.ENTER)
    page.says("#place h2", target.split(":")[0])
    page.says("#place .facts", "alike")
    page.press(Keys.ESCAPE, Keys.ESCAPE)
    page.says("#place .facts", "chance")
    page.click("[data-panel=related]")
    page.click("#panel p a")
    page.until(lambda: page.fragment.startswith("#related?"))
    page.until(page.hits)
    assert page.run("return document.querySelector('#query').value").startswith("lib/net.py:")


def test_why_a_result_was_found_is_told_by_its_evidence(page: Page) -> None:
    asked(page).click("[data-panel=why]")
    page.says("#panel", "What speaks for it")
    assert len(page.all(".evidence tr")) > 3
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.all("#panel:not([hidden])"))
    assert page.run("return document.activeElement.dataset.panel") == "why"


def test_an_open_panel_follows_the_selection(page: Page) -> None:
    asked(page).click("[data-panel=outline]")
    page.says("#panel", "retry_upload")
    number = next(i for i, hit in enumerate(page.hits()) if hit.startswith("lib/cache.js"))
    page.press(Keys.ESCAPE, "o", *("j" * number))
    page.says("#panel", "AnswerCache")


def test_a_long_declaration_is_loaded_to_its_end(page: Page) -> None:
    page.open("symbols", q="Session", root="project").found("lib/net.py:8")
    page.says(".code", "return method, path")


def test_the_place_can_be_copied(page: Page) -> None:
    asked(page)
    page.chrome.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    page.click("#place .title button:last-child")
    page.says(".toast", f"Copied {page.hits()[0]}")
    copied = page.chrome.execute_async_script("navigator.clipboard.readText().then(arguments[0])")  # type: ignore[no-untyped-call]
    assert copied == page.hits()[0]
