"""A real browser before a real server: what the tests of the web page and `benchmarks.screens` look with.

Chromium and its driver are programs of the system (Debian: `chromium`, `chromium-driver`); nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

__all__ = ["Serving", "browsing", "look_like", "serving"]

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--no-default-browser-check", "--disable-default-apps",
)  # fmt: skip
SECONDS = 60
"""A command to the browser that takes longer hangs."""


@dataclass(frozen=True)
class Serving:
    """A server that runs: its address, and its process."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rsplit(":", 1)[1])

    def stop(self) -> None:
        """End it as a user would, and wait until it has."""
        self.process.terminate()
        self.process.wait()


@contextmanager
def serving(*roots: Path, home: Path, port: int = 0, settings: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """Run `treeseek serve` over the roots, with data and caches in `home`; `settings` are more TREESEEK_ variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TREESEEK_", "XDG_"))}
    own = {"TREESEEK_DATA_DIR": str(home / "data"), "TREESEEK_CACHE_DIR": str(home / "cache")}
    command = [sys.executable, "-m", "treeseek", "serve", "--port", str(port), "--log-format", "off", *map(str, roots)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=kept | own | dict(settings or {})
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"http://[\d.]+:\d+", line):
                    break
            else:
                raise RuntimeError(f"treeseek serve ended: {''.join(said)}")
            yield Serving(found[0], process)
        finally:
            process.terminate()


@contextmanager
def browsing(profile: Path) -> Iterator[webdriver.Chrome]:
    """Run a headless Chromium with a profile of its own."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        raise RuntimeError("chromium and chromedriver must be on PATH; on Debian: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        chrome.command_executor.client_config.timeout = SECONDS  # type: ignore[union-attr]
        chrome.set_page_load_timeout(SECONDS)
        chrome.set_script_timeout(SECONDS)
        yield chrome
    finally:
        chrome.quit()


def look_like(chrome: webdriver.Chrome, width: int, height: int, *, dark: bool = False) -> None:
    """Have the page be that large, in CSS pixels, on a system with that theme."""
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600
    })  # fmt: skip
    theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})
