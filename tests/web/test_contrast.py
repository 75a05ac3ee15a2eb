"""Every colour of text stands out from what it stands on, as WCAG asks at AA, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import treeseek

STYLE = (Path(treeseek.__file__).parent / "frontends/web/style.css").read_text()
COLOURS = {
    name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", STYLE)
}
TEXT = 4.5
EDGE = 3.0

INKS = ("text", "quiet", "accent", "good", "warn", "bad")
CODE = ("text", "comment", "string", "keyword", "number")
PAIRS = [
    *((ink, back, TEXT) for ink in INKS for back in ("page", "raised", "selected", "field")),
    *((ink, back, TEXT) for ink in CODE for back in ("page", "raised", "selected", "matched")),
    *((ink, "matched", TEXT) for ink in ("quiet", "warn")),
    *(("text", back, TEXT) for back in ("mark", "warn-back", "bad-back")),
    ("warn", "warn-back", TEXT),
    ("bad", "bad-back", TEXT),
    ("on-accent", "accent", TEXT),
    ("page", "text", TEXT),
    *(("edge", back, EDGE) for back in ("page", "raised", "field")),
    *(("accent", back, EDGE) for back in ("page", "raised", "selected", "field")),
]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_gives_the_known_extremes() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_edges_stand_out(theme: int) -> None:
    weak = {
        f"{ink} on {back}": round(contrast(COLOURS[ink][theme], COLOURS[back][theme]), 2)
        for ink, back, least in PAIRS
        if contrast(COLOURS[ink][theme], COLOURS[back][theme]) < least
    }
    assert weak == {}


def test_colours_stand_nowhere_but_in_the_properties() -> None:
    rules = re.sub(r"--[\w-]+: light-dark\([^;]*;", "", STYLE)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", re.sub(r"^[^{}]*\{", "{", rules, flags=re.M)) == []
