"""What is looked for? The rules, as `data/*.toml` states them, checked and completed.

A rule that begins `at` a "keyword" (the default) is tried where one of its keywords stands, and only there; one that is
"near" is looked for from `before` bytes before a keyword to `after` bytes behind it; one that is "anywhere" has no
keyword. With a `context`, a name, the pattern is that of a value which is assigned to something of that name.

The group 1 of a pattern, if there is one, is the secret; else all of it is. Keywords are found in any case. Tiers:
`high`, shape and check make it near certain; `medium`, its shape and what stands around it; `low`, anything that looks
the part.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "TIERS", "Rule", "fingerprint", "load_rules", "rule_of"]

TIERS = ("high", "medium", "low")
"""From the surest down; to ask for one is to ask for those before it as well."""
KINDS = ("secret", "pii")

SCANNER_VERSION = 1
"""Raised when the same rules come to find other things."""

_DATA = Path(__file__).parent / "data"
_FILES = {"secret": "secrets.toml", "pii": "personal.toml"}

_ASSIGNED = r"""[\w.\- ]{0,25}["'\])]{0,3}\s{0,4}(?:=>|:=|=|:|,|\(|\||>)\s{0,4}["'`]{0,3}"""
_SAID = r"""["')]{0,2}[\s_-]{0,3}(?:number|no|nr|num)?["')]{0,2}\s{0,3}[.:#=,>(]{0,2}\s{0,3}["'`]{0,2}"""
"""Between what a number is called and the number, in code or in prose."""
AFTER = 320


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for; see the module. `skip` is how much of a match is the same in all."""

    id: str
    kind: str
    provider: str
    description: str
    tier: str
    keywords: tuple[bytes, ...]
    pattern: str
    at: str
    before: int
    after: int
    skip: int
    boundary: bool
    block: bool
    checks: tuple[str, ...]
    entropy: float
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...]


@cache
def load_rules() -> tuple[Rule, ...]:
    """Return all rules, in the order in which they are stated. Raises KeyError or ValueError if that is malformed."""
    rules = tuple(
        _rule(kind, entry)
        for kind, name in _FILES.items()
        for entry in tomllib.loads((_DATA / name).read_text(encoding="utf-8"))["rule"]
    )
    if len({rule.id for rule in rules}) != len(rules):
        raise ValueError("two rules have the same id")
    return rules


@cache
def rule_of(name: str) -> Rule:
    """Return the rule of an id. Raises KeyError."""
    return {rule.id: rule for rule in load_rules()}[name]


@cache
def fingerprint() -> str:
    """Return what changes whenever other things may be found: 16 hex digits."""
    digest = hashlib.blake2b(str(SCANNER_VERSION).encode(), digest_size=8)
    for name in _FILES.values():
        digest.update((_DATA / name).read_bytes())
    return digest.hexdigest()


def _rule(kind: str, entry: Mapping[str, Any]) -> Rule:
    rule = Rule(
        id=entry["id"],
        kind=kind,
        provider=entry["provider"],
        description=entry["description"],
        tier=entry["tier"],
        keywords=tuple(word.lower().encode() for word in entry.get("keywords", ())),
        pattern=_pattern(entry),
        at="near" if "context" in entry else entry.get("at", "keyword"),
        before=entry.get("before", 0),
        after=entry.get("after", AFTER),
        skip=entry.get("skip", 0),
        boundary=entry.get("boundary", True),
        block=entry.get("block", False),
        checks=tuple(entry.get("checks", ())),
        entropy=entry.get("entropy", 0.0),
        examples=tuple(entry["examples"]),
        counterexamples=tuple(entry["counterexamples"]),
    )
    if rule.tier not in TIERS or rule.at not in ("keyword", "near", "anywhere"):
        raise ValueError(f"rule {rule.id}: {rule.tier!r} is no tier, or {rule.at!r} no place")
    if (rule.at == "anywhere") is bool(rule.keywords):
        raise ValueError(f"rule {rule.id} needs keywords, unless it is looked for anywhere")
    return rule


def _pattern(entry: Mapping[str, Any]) -> str:
    context = entry.get("context")
    pattern: str = entry["pattern"]
    if context is None:
        return pattern
    if entry.get("loose"):
        return rf"(?:\b|_)(?i:{context})(?i:{_SAID})({pattern})"
    return rf"(?i:{context}){_ASSIGNED}({pattern})"
