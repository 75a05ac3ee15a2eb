"""Somebody types a question, and walks through what was found by keys."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from .conftest import Page

pytestmark = pytest.mark.xdist_group("web")
"""One browser and one server for all of them, also where tests run two at a time."""

QUESTION = "retry a failed upload"


def asked(page: Page, question: str = QUESTION, first: str = "lib/net.py", **state: object) -> Page:
    page.open(q=question, root="project", **state).found(first)
    return page


def test_results_come_while_one_types_and_the_address_says_what_was_asked(page: Page) -> None:
    page.open(root="project").focuses("query")
    page.press(QUESTION)
    page.found("lib/net.py")
    page.says("#message", "result")
    assert {"q=retry+a+failed+upload", "root=project"} <= set(page.fragment.removeprefix("#search?").split("&"))
    assert {
        mark.lower() for mark in page.run("return [...document.querySelectorAll('.hit mark')].map((e) => e.innerText)")
    } >= {"retry", "failed", "upload"}
    assert page.run("return document.title") == f"{QUESTION} · treeseek"


def test_the_selected_result_shows_its_code_with_numbers_words_and_matches(page: Page) -> None:
    asked(page)
    page.says("#place h2", "lib/net.py")
    page.says(".code", "def retry_upload(session, path, attempts=ATTEMPTS):")
    first = page.run("return document.querySelector('.code .line').dataset.line")
    assert page.hits()[0] == f"lib/net.py:{first}"
    assert page.all(".code .line.matched")
    assert {"def", "for", "try"} <= set(
        page.run("return [...document.querySelectorAll('.code .keyword')].map((e) => e.innerText)")
    )
    assert "% chance" in page.text("#place .facts")


def test_a_walk_by_keys_alone(page: Page) -> None:
    asked(page).press("/")
    page.focuses("query")
    first, second = page.hits()[:2]
    page.press(Keys.ARROW_DOWN)
    page.focuses(first)
    page.press("j")
    page.focuses(second)
    page.says("#place h2", second.rsplit(":", 1)[0])
    page.press(Keys.ARROW_UP)
    page.focuses(first)
    page.press(Keys.ENTER)
    page.focuses("code")
    page.press("j")  # goes on from within the code, and stays there
    page.says("#place h2", second.rsplit(":", 1)[0])
    page.focuses("code")
    page.press(Keys.ESCAPE)
    page.focuses(second)
    page.press(Keys.ESCAPE)
    page.focuses("query")
    page.press("j?1")
    assert page.run("return document.querySelector('#query').value") == "j?1", "keys that are typed are only typed"


def test_help_lists_the_keys_and_can_switch_them_off(page: Page) -> None:
    asked(page)
    page.one(".hit").send_keys("?")
    page.one("#help[open]")
    page.click("#keys-on")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.all("#help[open]"))
    selected = "return document.querySelector('.hit[aria-current]').dataset.key"
    before = page.run(selected)
    page.one(".hit").send_keys("j")
    assert page.run(selected) == before
    page.open("index").one(".health")
    page.press("1")
    assert page.fragment.startswith("#index")


def test_filters_narrow_what_is_found_and_stand_in_the_address(page: Page) -> None:
    asked(page).click(".menu summary")
    page.click("input[value=javascript]")
    page.found("lib/cache.js")
    assert all(hit.startswith("lib/cache.js") for hit in page.hits())
    assert "language=javascript" in page.fragment
    page.chrome.refresh()
    page.found("lib/cache.js")
    page.says(".menu .chosen", "javascript")
    page.press(Keys.ESCAPE)
    page.chrome.back()
    page.found("lib/net.py")
    page.chrome.forward()
    page.found("lib/cache.js")
    page.click("#filters > button")
    page.found("lib/net.py")
    assert "language" not in page.fragment


def test_path_globs_kind_and_chance_are_filters_too(page: Page) -> None:
    asked(page, first="docs/guide.md", path="docs")
    assert {hit.rsplit(":", 1)[0] for hit in page.hits()} == {"docs/guide.md"}
    page.one("#filter-path").clear()
    page.one("#filter-globs").send_keys("lib/** !*.py")
    page.found("lib/cache.js")
    assert {hit.rsplit(":", 1)[0] for hit in page.hits()} == {"lib/cache.js"}
    asked(page, kind="function")
    assert {hit.rsplit(":", 1)[0] for hit in page.hits()} == {"lib/net.py", "lib/cache.js"}
    everything = len(asked(page).hits())
    asked(page, min="25")
    assert 0 < len(page.hits()) < everything


def test_back_and_forward_go_from_question_to_question_not_from_letter_to_letter(page: Page) -> None:
    asked(page)
    page.type("evict the oldest entries")
    page.found("lib/cache.js")
    page.press(Keys.ENTER)
    page.type("listen on a port")
    page.found("app/main.go")
    page.chrome.back()
    page.found("lib/cache.js")
    assert page.run("return document.querySelector('#query').value") == "evict the oldest entries"
    page.chrome.back()
    page.found("lib/net.py")
    page.chrome.forward()
    page.found("lib/cache.js")


def test_a_link_to_a_result_opens_that_result(page: Page) -> None:
    asked(page).press("j")
    second = page.hits()[1]
    page.until(lambda: "hit=" in page.fragment)
    page.chrome.refresh()
    page.found("lib/net.py")
    page.says("#place h2", second.rsplit(":", 1)[0])
    assert page.run("return document.querySelector('.hit[aria-current]').dataset.key") == second


def test_no_good_answer_is_said(page: Page) -> None:
    page.open(q="keep the chocolate cake in the oven", root="project")
    page.says(".doubtful", "Probably no good answer")
    assert page.all(".hit .chance.low")


def test_nothing_found_offers_a_way_on(page: Page) -> None:
    page.open("symbols", q="no_such_name_anywhere", root="project")
    page.says("#results", "Nothing of that name")
    page.click(".nothing a")
    page.until(lambda: page.fragment.startswith("#search?"))
    page.open(q="zzqx", root="project", path="nowhere")
    page.says("#results", "Nothing found")
    assert "without the filters" in page.text("#results")


def test_what_cant_be_asked_is_said_in_one_sentence(page: Page) -> None:
    page.open("related", q="lib/nowhere.py:3", root="project")
    page.says(".trouble", "lib/nowhere.py")
    page.type("lib/net.py:22")
    page.until(page.hits)
