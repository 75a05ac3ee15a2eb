"""What was looked at and may stay? A comment `treeseek:allow` on a finding's line, or alone on the line before it.

With names of rules behind it, `treeseek:allow jwt, generic-password`, it is meant for these only.
"""

from __future__ import annotations

from collections.abc import Sequence

from treeseek.safety.rules import load_rules
from treeseek.safety.scanner import Finding

__all__ = ["MARKER", "without_allowed"]

MARKER = b"treeseek:allow"


def without_allowed(data: bytes, findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings in `data` that no comment allows."""
    if not findings or MARKER not in data:
        return list(findings)
    return [finding for finding in findings if not _is_allowed(data, finding)]


def _is_allowed(data: bytes, finding: Finding) -> bool:
    begin = data.rfind(b"\n", 0, finding.start) + 1
    end = data.find(b"\n", finding.end)
    last = data[data.rfind(b"\n", 0, finding.end) + 1 : len(data) if end < 0 else end]
    first = data[begin : finding.start]
    above = data[data.rfind(b"\n", 0, max(begin - 1, 0)) + 1 : max(begin - 1, 0)]
    lead, marker, _ = above.partition(MARKER)
    is_comment = bool(marker) and not any(chr(byte).isalnum() for byte in lead)
    return any(_names(line, finding.rule) for line in (first, last, above if is_comment else b""))


def _names(line: bytes, rule: str) -> bool:
    """Whether a line allows a rule: it has the marker, and names it or no rule at all."""
    _, marker, rest = line.partition(MARKER)
    if not marker:
        return False
    words = [word.decode("latin-1") for word in rest.replace(b",", b" ").split()]
    named = {word for word in words if word in _ids()}
    return not named or rule in named


def _ids() -> frozenset[str]:
    return frozenset(rule.id for rule in load_rules())
