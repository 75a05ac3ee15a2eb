"""Symbols, changes, the index's health, and the first page."""

from __future__ import annotations

import json
from urllib.request import urlopen

import pytest
from benchmarks.browser import Serving

from .conftest import Page

pytestmark = pytest.mark.xdist_group("web")
"""One browser and one server for all of them, also where tests run two at a time."""


def test_the_first_page_says_what_is_indexed_and_what_could_be_asked(page: Page) -> None:
    page.open(root="project")
    page.says("#results", "up to date")
    page.says("#results", "For example")
    question = page.text(".examples a")
    page.click(".examples a")
    page.until(page.hits)
    assert page.run("return document.querySelector('#query').value") == question


def test_a_name_is_looked_up(page: Page) -> None:
    page.open("symbols", root="project")
    page.type("answercache")
    page.found("lib/cache.js")
    assert "AnswerCache" in page.text(".hit .name")
    page.click("nav [data-view=search]")
    page.until(lambda: page.fragment.startswith("#search?") and "q=answercache" in page.fragment)


def test_changes_are_listed_by_declaration_and_open_their_code(page: Page) -> None:
    page.open("changes", root="project")
    page.says(".changes", "try_upload → retry_upload")
    page.says("#message", "1 file")
    page.click(".change[data-key]")
    page.says(".code", "def retry_upload")
    page.one("#old").send_keys("no-such-revision")
    page.click("#compare button")
    page.says(".trouble", "no-such-revision")


def test_the_index_tells_how_it_is(page: Page, server: Serving) -> None:
    page.open("index")
    section = "[data-root=project]"
    page.says(f"{section} .phase", "up to date")
    with urlopen(f"{server.url}/v1/status?root=project") as answer:
        status = json.load(answer)
    for term, value in (("Files", status["files"]), ("Chunks", status["chunks"]), ("Version", status["index_version"])):
        page.until(lambda term=term, value=value: f"{term}\n{value:,}" in page.text(f"{section} .figures"))  # type: ignore[misc]
    assert status["embedder"] in page.text(f"{section} .figures")
    assert "javascript" in page.text(f"{section} .languages")
    page.click(f"{section} h2 button")
    page.says("#message", "nothing has changed")
    page.says(".caches", "Cache of syntax trees")


def test_what_was_left_out_is_listed_with_reasons_and_searched(page: Page) -> None:
    page.open("index")
    page.click("[data-root=project] summary")
    page.says(".reasons", "binary")
    page.click(".reason[value=binary]")
    page.until(lambda: [row.text for row in page.all(".skipped-list tbody tr")] == ["assets/logo.png binary"])
    page.one(".skipped-list input").clear()
    page.one(".skipped-list input").send_keys("package-lock")
    page.says(".skipped-list tbody", "package-lock.json")
    page.until(lambda: len(page.all(".skipped-list tbody tr")) == 1)


def test_the_theme_is_the_systems_until_one_is_chosen_which_stays(page: Page) -> None:
    def back() -> str:
        return str(page.run("return getComputedStyle(document.body).backgroundColor"))

    page.open("index")
    light = back()
    page.resize(1280, dark=True)
    page.until(lambda: back() != light)
    dark = back()
    page.click("#theme")
    page.until(lambda: back() == light)
    assert page.text("#theme") == "Theme: light"
    page.chrome.refresh()
    assert (back(), page.text("#theme")) == (light, "Theme: light")
    page.click("#theme")
    page.resize(1280, dark=False)
    page.until(lambda: back() == dark)


def test_another_root_is_asked_with_the_same_question(page: Page) -> None:
    page.open(q="render the markup of a page", root="project").says("#message", "result")
    page.run("const s = document.querySelector('#root'); s.value = 'hostile'; s.dispatchEvent(new Event('change'))")
    page.until(lambda: any("img src" in hit for hit in page.hits()))
    assert "root=hostile" in page.fragment


def test_what_a_repository_holds_is_shown_and_never_run(page: Page) -> None:
    page.open(q="render the markup of a page", root="hostile").found("<img src=x onerror=alert(1)>.py")
    page.says("#place h2", "<img src=x onerror=alert(1)>.py")
    page.says(".code", "</code></pre><script>alert(2)</script><img src=x onerror=alert(3)>")
    page.says(".code .odd", "\\u{202e}")
    page.click("[data-panel=outline]")
    page.says("#panel", "render_markup")
    page.open("symbols", q="follow_link", root="hostile").found("javascript:alert(5)/x.py")
    for one in page.all(".hit"):
        assert str(one.get_attribute("href")).startswith(page.url)
    page.click(".hit")
    page.says(".code", "return target")
    assert (
        page.run("return document.querySelectorAll('main img, main script, main [onerror], main [onmouseover]').length")
        == 0
    )
    page.open(q="<img src=x onerror=alert(6)>", root="hostile").one("#place h2, .nothing")
    assert page.run("return window.closed") is False  # an alert would block that
