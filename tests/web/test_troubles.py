"""The index isn't there yet, the server goes and comes back, a token is asked for, too much is asked at once."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from benchmarks.browser import serving
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from treeseek.store import index_directory, writer_lock

from .conftest import Page

pytestmark = pytest.mark.xdist_group("web")
"""One browser and one server for all of them, also where tests run two at a time."""

FILES = {"a.py": "def greet(name):\n    '''Say hello to somebody.'''\n    return f'hello {name}'\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "small"
    root.mkdir()
    for path, text in FILES.items():
        (root / path).write_text(text)
    return root


def test_an_answer_comes_when_the_index_is_made_and_when_the_server_is_back(
    chrome: webdriver.Chrome, root: Path, tmp_path: Path
) -> None:
    with writer_lock(index_directory(tmp_path / "data", root), 5):
        first = serving(root, home=tmp_path)
        running = first.__enter__()
        page = Page(chrome, running.url)
        page.resize(1280)
        page.open(q="say hello").says(".trouble", "There is no index yet")
    page.found("a.py")  # by itself, as the lock is free
    running.stop()
    page.type("greet somebody")
    page.says(".trouble", "The server doesn't answer")
    with serving(root, home=tmp_path, port=running.port):
        page.found("a.py")
        assert "q=greet+somebody" in page.fragment
    first.__exit__(None, None, None)


def test_a_token_is_asked_for_and_kept_and_a_busy_server_is_waited_for(
    chrome: webdriver.Chrome, root: Path, tmp_path: Path
) -> None:
    token = secrets.token_urlsafe(16)
    settings = {"TREESEEK_TOKEN": token, "TREESEEK_CLIENT_RATE": "0.12", "TREESEEK_CLIENT_BURST": "120"}
    with serving(root, home=tmp_path, settings=settings) as running:
        page = Page(chrome, running.url)
        page.open(q="say hello").says(".trouble", "asks for a token")
        page.focuses("token")
        page.press("wrong", Keys.ENTER)
        page.says(".trouble", "not the right one")
        page.one("#token").send_keys(token, Keys.ENTER)
        page.found("a.py")
        page.chrome.refresh()
        page.found("a.py")
        assert token not in page.run("return location.href + JSON.stringify(localStorage)")
        page.run(  # asks more than it may, and then goes on typing
            "const more = () => fetch('/openapi.json').then((one) => one.status === 429 || more());"
            "return more().then(() => { const field = document.querySelector('#query'); field.value = 'greet';"
            "field.dispatchEvent(new Event('input', {bubbles: true})); })"
        )
        page.says("#message", "asked again in")
        page.says("#message", "result")
        assert "q=greet" in page.fragment
        page.found("a.py")
