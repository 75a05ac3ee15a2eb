"""A repository with secrets in it: values of every rule, in the places where such things get stuck.

`plant` writes ordinary-looking files of a dozen languages and returns what it put where. The same seed gives the same
tree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.planting import expand
from treeseek.safety.rules import TIERS, Rule, load_rules
from treeseek.safety.scanner import Scanner

__all__ = ["Planted", "plant", "values"]

PER_FILE = 25

_FORMS: dict[str, tuple[str, ...]] = {
    "py": (
        '{name} = "{value}"',
        "client = Client(region, '{value}')",
        "    # was {value} before",
        'H = {{"X-Key": "{value}"}}',
    ),
    "js": ("const {name} = '{value}';", "fetch(`${{base}}?key={value}&x=1`);", '  {name}: "{value}",'),
    "json": ('  "{name}": "{value}",',),
    "yaml": ("{name}: {value}", '  - name: {name}\n    value: "{value}"'),
    "env": ("{NAME}={value}", 'export {NAME}="{value}"'),
    "sh": ("export {NAME}={value}", 'curl -H "X-Api-Key: {value}" https://api.corp.net/v1'),
    "go": ('\t{name} := "{value}"', "const {name} = `{value}`"),
    "rb": ("  config.{name} = '{value}'", '{NAME} = "{value}".freeze'),
    "java": ('    private static final String {NAME} = "{value}";', "    // {value}"),
    "properties": ("app.{name}={value}",),
    "xml": ("  <{name}>{value}</{name}>", '  <add key="{name}" value="{value}"/>'),
    "md": ("Use `{value}` for {name}.", "    $ login --token {value}"),
    "tf": ('  {name} = "{value}"',),
    "ini": ("{name} = {value}",),
}
"""How a value stands in a file of each kind."""
_NAMES = "primary backup staging uploader billing worker mirror reporting gateway archive".split()
_BLANK = frozenset(" \t\n\"'=:<>")


@dataclass(frozen=True, slots=True)
class Planted:
    """One value, whose rule and tier these are, in the file at `path`."""

    path: str
    rule: str
    tier: str
    kind: str
    value: bytes


def values(rules: Sequence[Rule], count: int, rng: random.Random) -> list[tuple[Rule, str, bytes]]:
    """Return examples of the rules in turn, `count` of them, each with the part of it that is secret.

    An example that its rule doesn't find (`benchmarks.scanning` counts those) is drawn again.
    """
    scanners: dict[str, Scanner] = {}
    drawn = []
    while len(drawn) < count:
        rule = rules[len(drawn) % len(rules)]
        text = expand(rng.choice(rule.examples), rng)
        scanner = scanners.setdefault(rule.kind, Scanner("low", (rule.kind,)))
        data = text.encode()
        span = next((one for one in scanner.scan(data) if one.rule == rule.id), None)
        if span is None and rule.tier == "high":
            raise ValueError(f"{rule.id} doesn't find its example")
        if span is not None:
            drawn.append((rule, text, data[span.start : span.end]))
    return drawn


def plant(
    directory: Path, count: int, *, seed: int = 0, wanted: Callable[[Rule], bool] = lambda rule: True
) -> list[Planted]:
    """Write files with `count` values in all below `directory`. Returns what was planted."""
    rng = random.Random(seed)
    rules = [rule for rule in sorted(load_rules(), key=lambda rule: TIERS.index(rule.tier)) if wanted(rule)]
    drawn = values(rules, count, rng)
    rng.shuffle(drawn)
    planted = []
    for number in range(0, count, PER_FILE):
        kind = list(_FORMS)[number // PER_FILE % len(_FORMS)]
        name = ".env" if kind == "env" else f"settings.{kind}"
        path = f"part{number // PER_FILE:04}/{name}"
        lines = []
        for rule, text, value in drawn[number : number + PER_FILE]:
            lines += [_line(kind, rule, text, value, rng), _filler(rng)]
            planted.append(Planted(path, rule.id, rule.tier, rule.kind, value))
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return planted


def _line(kind: str, rule: Rule, text: str, value: bytes, rng: random.Random) -> str:
    """Return a line that holds an example: a bare value in one of the forms, what has a context of its own as it is."""
    is_bare = text.encode() == value and rule.kind == "secret" and not _BLANK.intersection(text)
    if not is_bare:
        return text
    name = f"{rng.choice(_NAMES)}_value"
    return rng.choice(_FORMS[kind]).format(name=name, NAME=name.upper(), value=text)


def _filler(rng: random.Random) -> str:
    return rng.choice(
        ("", f"# step {rng.randrange(99)}", f"retries = {rng.randrange(9)}", "timeout = 30", "verbose = true")
    )
