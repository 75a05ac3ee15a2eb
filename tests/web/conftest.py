"""One browser and one server for all tests of the page, over a small repository with a history, and a hostile one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from benchmarks.browser import Serving, browsing, look_like, serving
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 30
HOSTILE_NAME = "<img src=x onerror=alert(1)>.py"
"""Of a file in the hostile root."""

FILES = {
    "lib/net.py": '''"""Talks to the server."""

import time

ATTEMPTS = 5


class Session:
    """Keeps one connection open."""

    def __init__(self, address):
        self.address = address

    def get(self, path):
        """Fetch a path, and follow redirects."""
        return self.request("GET", path)

    def request(self, method, path):
        return method, path


def retry_upload(session, path, attempts=ATTEMPTS):
    """Retry a failed upload, with pauses that grow."""
    for attempt in range(attempts):
        try:
            return session.get(path)
        except OSError:
            time.sleep(2**attempt)  # the next retry waits longer
    raise OSError("the upload failed")
''',
    "lib/cache.js": """// Remembers answers for a while.
export class AnswerCache {
  constructor(limit) {
    this.limit = limit;
    this.entries = new Map();
  }

  /** Forget the oldest entries when the cache is full. */
  evict() {
    while (this.entries.size > this.limit) {
      this.entries.delete(this.entries.keys().next().value);
    }
  }
}

export function retryRequest(request) {
  return request().catch(() => request());
}
""",
    "docs/guide.md": """# Uploads

A failed upload is retried with growing pauses, five times.

# Caching

Answers are kept.
""",
    "app/main.go": """package main

// listen waits for connections on a port.
func listen(port int) error {
\treturn nil
}
""",
    "assets/logo.png": "\x89PNG\x00\x00",
    "package-lock.json": "{}\n",
}
HOSTILE = {
    HOSTILE_NAME: '''def render_markup(name):
    """Render the markup </code></pre><script>alert(2)</script><img src=x onerror=alert(3)> of a page."""
    return "<b onmouseover='alert(4)'>" + name  # \u202e reversed \u200b
''',
    "javascript:alert(5)/x.py": "def follow_link(target):\n    return target\n",
}


class Page:
    """The page in the browser, as somebody uses it."""

    def __init__(self, chrome: webdriver.Chrome, url: str) -> None:
        self.chrome = chrome
        self.url = url

    def open(self, view: str = "search", **state: object) -> Page:
        """Load the page afresh with a state in its address."""
        query = urlencode([(name, one) for name, value in state.items()
                           for one in (value if isinstance(value, list) else [value])], quote_via=quote)  # fmt: skip
        self.chrome.get("about:blank")
        self.chrome.get(f"{self.url}/#{view}{'?' + query if query else ''}")
        return self

    @property
    def fragment(self) -> str:
        return str(self.chrome.execute_script("return location.hash"))  # type: ignore[no-untyped-call]

    def run(self, script: str, *arguments: object) -> Any:
        return self.chrome.execute_script(script, *arguments)  # type: ignore[no-untyped-call]

    def until(self, condition: Callable[[], object], what: str = "") -> Any:
        """Wait until a condition holds; elements may come and go meanwhile."""
        waiting = WebDriverWait(self.chrome, SECONDS, 0.04, ignored_exceptions=[StaleElementReferenceException])
        return waiting.until(lambda _: condition(), what or f"the page shows: {self.text('body')[:2000]}")

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the first element that a selector finds and that is to be seen, as soon as there is one."""
        return self.until(
            lambda: next((one for one in self.all(selector) if one.is_displayed()), None), f"no {selector}"
        )  # type: ignore[no-any-return]

    def click(self, selector: str) -> None:
        """Click what a selector finds, as soon as it can be clicked."""

        def clicked() -> bool:
            try:
                self.one(selector).click()
            except (ElementClickInterceptedException, ElementNotInteractableException):
                return False
            return True

        self.until(clicked, f"{selector} can't be clicked")

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def says(self, selector: str, text: str) -> None:
        """Wait until an element has a text in it."""
        self.until(lambda: text in self.text(selector), f"{selector} doesn't say {text!r} but {self.text(selector)!r}")

    def press(self, *keys: str) -> None:
        ActionChains(self.chrome).send_keys(*keys).perform()

    def type(self, text: str) -> None:
        """Write a question in place of what is there."""
        self.click("#query")
        field = self.one("#query")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def hits(self) -> list[str]:
        """The places of the results."""
        return [
            str(key) for key in self.run("return [...document.querySelectorAll('.hit')].map((hit) => hit.dataset.key)")
        ]

    def found(self, first: str) -> None:
        """Wait until the first result is in a file."""
        self.until(lambda: (hits := self.hits()) and hits[0].startswith(first), f"{first} isn't first of {self.hits()}")

    def focused(self) -> str:
        """What has the focus: its id, or its key, or its class."""
        return str(
            self.run("const e = document.activeElement; return e.id || e.dataset.key || e.className || e.tagName")
        )

    def focuses(self, what: str) -> None:
        self.until(lambda: self.focused() == what, f"not {what} has the focus")

    def resize(self, width: int, *, dark: bool = False) -> None:
        look_like(self.chrome, width, 800, dark=dark)

    def problems(self) -> list[str]:
        """What the console has that is none of a missing network: exceptions, warnings, breaches of the policy."""
        log: list[dict[str, Any]] = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["source"] != "network"]


def written(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode("latin-1" if path.endswith(".png") else "utf-8"))


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, and changes since."""
    root = tmp_path_factory.mktemp("web") / "project"
    written(root, FILES)
    old = (root / "lib/net.py").read_text()
    (root / "lib/net.py").write_text(
        old.replace("attempts=ATTEMPTS", "attempts=3").replace("retry_upload", "try_upload")
    )
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "begin"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    (root / "lib/net.py").write_text(old)
    return root


@pytest.fixture(scope="session")
def server(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    hostile = tmp_path_factory.mktemp("web") / "hostile"
    for path, text in HOSTILE.items():
        written(hostile, {path: text})
    with serving(project, hostile, home=tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def page(chrome: webdriver.Chrome, server: Serving) -> Iterator[Page]:
    """The page of the server that all share, at a desk, in light; after the test its console must be empty."""
    page = Page(chrome, server.url)
    page.resize(1280)
    page.problems()
    yield page
    assert page.problems() == []
    page.run("try { localStorage.clear(); sessionStorage.clear(); } catch {}")
