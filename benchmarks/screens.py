"""How does the web page look? Pictures of its views at a desk and in a hand, in light and dark, to be looked at.

    python -m benchmarks.screens --out DIR [--tree DIR] [--question TEXT] [--only NAME]...

Serves the tree, by default this repository, with an index in a temporary place, and asks the question.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.browser import browsing, look_like, serving

SECONDS = 60
QUESTION = "hold the lock while one process writes the index"
NO_ANSWER = "bake a chocolate cake with sugar icing"
WIDTHS = {1280: 800, 390: 800}


def views(question: str) -> dict[str, tuple[str, str, str]]:
    """Return for each picture the fragment, what must be there, and the panel to open."""
    asked = f"search?q={quote(question)}"
    return {
        "empty": ("search", ".examples a", ""),
        "results": (asked, ".hit", ""),
        "place": (asked, ".hit", "-"),
        "outline": (asked, ".hit", "outline"),
        "related": (asked, ".hit", "related"),
        "why": (asked, ".hit", "why"),
        "no-answer": (f"search?q={quote(NO_ANSWER)}", ".doubtful, .nothing", ""),
        "wrong": ("related?q=nowhere.py%3A1", ".trouble", ""),
        "symbols": ("symbols?q=lock", ".hit, .nothing", ""),
        "changes": ("changes?old=HEAD~3", ".changes, .trouble, .nothing", ""),
        "health": ("index", ".figures", ""),
        "skipped": ("index?skipped=all&root=%ROOT", ".skipped-list[aria-busy=false]", ""),
    }


def main() -> int:
    """Make the pictures and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the directory to write pictures to")
    parser.add_argument("--tree", type=Path, default=Path.cwd(), help="the root to serve")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--only", action="append", default=[], help="the views to show")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="treeseek-screens-") as place,
        serving(options.tree, home=Path(place)) as server,
        browsing(Path(place) / "profile") as chrome,
    ):
        chosen = {name: one for name, one in views(options.question).items() if name in (options.only or [name])}
        for name, one in chosen.items():
            _pictures(chrome, server.url, options.out, name, one, options.tree.resolve().name)
        if not options.only or "offline" in options.only:
            server.stop()
            _pictures(chrome, "", options.out, "offline", ("", ".trouble", ""), "")
    print(f"{len(list(options.out.glob('*.png')))} pictures in {options.out}")
    return 0


def _pictures(chrome: Chrome, url: str, out: Path, name: str, view: tuple[str, str, str], root: str) -> None:
    fragment, landmark, panel = view
    for width, height in WIDTHS.items():
        for theme in ("light", "dark"):
            look_like(chrome, width, height, dark=theme == "dark")
            if url:
                chrome.get("about:blank")
                chrome.get(f"{url}/#{fragment.replace('%ROOT', quote(root))}")
            else:
                chrome.execute_script("document.querySelector('[data-view=search]').click();"
                                      "const f = document.querySelector('#query'); f.value += ' now';"
                                      "f.dispatchEvent(new Event('input'))")  # type: ignore[no-untyped-call]  # fmt: skip
            _wait(chrome, landmark)
            if panel:
                chrome.find_element(By.CSS_SELECTOR, ".hit").click()
                if panel != "-":
                    _wait(chrome, f"[data-panel={panel}]")
                    chrome.find_element(By.CSS_SELECTOR, f"[data-panel={panel}]").click()
                    _wait(chrome, "#panel[aria-busy=false]")
            chrome.save_screenshot(str(out / f"{name}-{width}-{theme}.png"))


def _wait(chrome: Chrome, selector: str) -> None:
    WebDriverWait(chrome, SECONDS, 0.05).until(
        lambda _: any(one.is_displayed() for one in chrome.find_elements(By.CSS_SELECTOR, selector)), selector
    )


if __name__ == "__main__":
    sys.exit(main())
