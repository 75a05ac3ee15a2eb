"""Everybody can use it: what axe-core finds, at a desk and in a hand; and nothing is cut off."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from selenium.webdriver.common.keys import Keys

from .conftest import Page

pytestmark = pytest.mark.xdist_group("web")
"""One browser and one server for all of them, also where tests run two at a time."""

AXE = (files("axe_core_python") / "axe.min.js").read_text()
VIEWS = {
    "welcome": ("search", {}, ".examples a"),
    "search": ("search", {"q": "retry a failed upload"}, ".code .line"),
    "doubtful": ("search", {"q": "keep the chocolate cake in the oven"}, ".doubtful"),
    "symbols": ("symbols", {"q": "Session"}, ".code .line"),
    "changes": ("changes", {}, ".changes .change"),
    "index": ("index", {"skipped": "all"}, ".skipped-list tr"),
}


def shown(page: Page, name: str) -> None:
    view, state, landmark = VIEWS[name]
    page.open(view, root="project", **state)
    page.until(lambda: page.all(landmark))
    for panel in ("outline", "related", "why"):
        if name == "search" and page.one("#place").is_displayed():
            page.run("document.querySelector(`[data-panel=${arguments[0]}]`).click()", panel)
            page.until(lambda: page.all("#panel[aria-busy=false]"))


RULES = "runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"


def violations(page: Page, options: str) -> list[object]:
    page.run(AXE)
    result = page.chrome.execute_async_script(  # type: ignore[no-untyped-call]
        f"const done = arguments[0]; axe.run(document, {{resultTypes: ['violations'], {options}}}).then((r) => done("
        "JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200) + n.failureSummary)]))))"
    )
    found: list[object] = json.loads(result)
    return found


def too_wide(page: Page) -> list[str]:
    """What scrolls sideways, or is cut off, and isn't made for that as code is."""
    return list(
        page.run(
            "return [document.documentElement, ...document.querySelectorAll('#results, #place, #panel, header, form')]"
            ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.id || e.tagName)"
        )
    )


def test_at_a_desk_axe_finds_nothing_and_nothing_is_too_wide(page: Page) -> None:
    found = {}
    for name in VIEWS:
        shown(page, name)
        found[name] = [*(violations(page, RULES) if name not in ("doubtful", "symbols") else []), *too_wide(page)]
    assert found == {name: [] for name in VIEWS}


def test_in_a_hand_and_in_the_dark_too(page: Page) -> None:
    page.resize(390, dark=True)
    found = {}
    for name, (view, state, landmark) in VIEWS.items():
        page.open(view, root="project", **state).until(lambda landmark=landmark: page.all(landmark))  # type: ignore[misc]
        found[name] = [*(violations(page, RULES) if name in ("search", "index") else []), *too_wide(page)]
    assert found == {name: [] for name in VIEWS}


def test_in_a_hand_a_result_takes_the_screen_and_back_brings_the_results(page: Page) -> None:
    page.resize(390)
    page.open(q="retry a failed upload", root="project").found("lib/net.py")
    assert not page.all("#place")[0].is_displayed()
    page.click(".hit")
    page.until(lambda: page.all("#place")[0].is_displayed() and not page.all("#results")[0].is_displayed())
    page.says(".code", "def retry_upload")
    page.chrome.back()
    page.until(lambda: page.all("#results")[0].is_displayed())
    page.click(".hit")
    page.click(".leave")
    page.until(lambda: page.all("#results")[0].is_displayed())
    page.click("#filters-button")
    page.one("#filter-path").send_keys("docs")
    page.found("docs/guide.md")
    page.says("#filters-button", "Filters (1)")


def test_tab_goes_through_everything_in_the_order_of_the_page(page: Page) -> None:
    page.open(q="retry a failed upload", root="project").found("lib/net.py")
    page.run("document.activeElement.blur()")
    where = (
        "const e = document.activeElement; const part = e.closest('header, form, section');"
        "return part === null ? e.id : part.tagName === 'SECTION' ? part.id : part.tagName"
    )
    seen: list[str] = []
    while not seen or seen[-1] not in ("", "place"):
        page.press(Keys.TAB)
        seen.append(page.run(where))
    assert list(dict.fromkeys(seen)) == ["skip", "HEADER", "FORM", "results", "place"]
    assert seen.count("results") <= 2, "one stop in the list, and one for more results"
