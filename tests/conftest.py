"""No test reads or writes what the user has cached: what it finds must be what it made. And none asserts a time.

Some tests drive programs that come from no package of Python: a browser, Prometheus. They are marked `needs`, and where
such a program isn't installed the report ends by saying so. CI installs them, and fails without.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


BROWSER = ("chromium", "chromedriver")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the lists of tests/ranking anew, and show how")


def _lacking(item: pytest.Item) -> list[str]:
    """Return the programs that a test needs and this machine lacks."""
    wanted = [program for mark in item.iter_markers("needs") for program in mark.args]
    wanted += BROWSER if "chrome" in getattr(item, "fixturenames", ()) else ()
    return [program for program in dict.fromkeys(wanted) if shutil.which(program) is None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lacking = {item: programs for item in items if (programs := _lacking(item))}
    if lacking and os.environ.get("CI"):
        names = sorted({program for programs in lacking.values() for program in programs})
        raise pytest.UsageError(f"not installed: {', '.join(names)}; see CONTRIBUTING.md")
    for item, programs in lacking.items():
        item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(programs)}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = [
        report for report in terminalreporter.stats.get("skipped", ()) if "not installed" in str(report.longrepr)
    ]
    if left_out:
        terminalreporter.write_sep("=", f"{len(left_out)} TESTS DID NOT RUN: programs are not installed", red=True)
        for why in sorted({str(report.longrepr[2]) for report in left_out}):
            terminalreporter.write_line(f"{why}; CONTRIBUTING.md says how to install them")


@pytest.fixture(autouse=True, scope="session")
def no_cache_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put the default cache directory into a temporary place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
