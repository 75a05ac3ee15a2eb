"""How does a text pass all the same? What must not is painted over in place: same length, same lines, true spans.

`[REDACTED:aws-access-key****]` stands where a finding stood, cut or filled up to its length in bytes; line breaks
inside it stay. A painted text has no findings, so painting twice is painting once. Marks that allow a finding (`allow`)
don't count here: whoever writes a file doesn't decide what leaves the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from treeseek import telemetry
from treeseek.safety.placeholders import MARK

__all__ = ["OFF", "Policy", "Redacted", "bytes_redactor", "for_log", "redact", "redact_bytes", "redactor", "replaced"]

OFF = "off"
_FILLER = b"*"
_SHORTEST = len(MARK) + 2
"""Below this a mark says nothing; it is all filler."""
_LONGEST_MARK = 80


@dataclass(frozen=True, slots=True)
class Policy:
    """What is painted over: secrets down to a `tier` ("high", "medium", "low"; "off" for none), and `pii` or not."""

    tier: str = "high"
    pii: bool = True

    @property
    def is_on(self) -> bool:
        """Whether anything is painted over."""
        return self.tier != OFF

    @property
    def fingerprint(self) -> str:
        """Return what changes with all that the policy would do to some text; empty if it does nothing."""
        if not self.is_on:
            return ""
        from treeseek.safety.rules import fingerprint

        return f"redact-{self.tier}{'+pii' if self.pii else ''}-{fingerprint()}"


LOGS = Policy("medium", pii=False)
"""Error messages are about paths, home directories among them; secrets have no place in them at all."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without what must not pass, and how often each rule found something."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)


class Replaced(NamedTuple):
    """What a rule found in a text, and the mark of equal length that stands there now."""

    rule: str
    value: bytes
    mark: bytes


def redact(text: str, policy: Policy = Policy()) -> Redacted:
    """Return `text` with its findings painted over. Its length in bytes of UTF-8 and its line breaks stay."""
    if not policy.is_on:
        return Redacted(text)
    data, counts = redact_bytes(text.encode("utf-8", "surrogatepass"), policy)
    return Redacted(data.decode("utf-8", "surrogatepass"), counts) if counts else Redacted(text)


def redact_bytes(data: bytes, policy: Policy = Policy()) -> tuple[bytes, Mapping[str, int]]:
    """Do what `redact` does with bytes, which needn't be text."""
    data, parts = replaced(data, policy)
    return data, Counter(part.rule for part in parts)


def replaced(data: bytes, policy: Policy) -> tuple[bytes, list[Replaced]]:
    """Do what `redact_bytes` does, and tell of each part what stood there."""
    parts: list[Replaced] = []
    if not policy.is_on:
        return data, parts
    from treeseek.safety.scanner import scanner

    spans = scanner(policy.tier, ("secret", "pii") if policy.pii else ("secret",)).spans
    # Painting over one may bring out another. What is painted isn't found again, so each round paints more: it ends.
    while found := _fresh(data, [(one.start, one.end, one.rule.id) for one in spans(data)]):
        _count(rule for _, _, rule in found)
        painted, done = [], 0
        for start, end, rule in found:
            parts.append(Replaced(rule, data[start:end], _painted(rule, data[start:end])))
            painted += [data[done:start], parts[-1].mark]
            done = end
        data = b"".join((*painted, data[done:]))
    return data, parts


def _count(rules: Iterable[str]) -> None:
    from treeseek.safety.rules import rule_of

    for (kind, tier), amount in Counter((rule_of(rule).kind, rule_of(rule).tier) for rule in rules).items():
        telemetry.count("treeseek_secrets_redacted_total", amount, kind=kind, tier=tier)


def redactor(policy: Policy) -> Callable[[Sequence[str]], list[str]]:
    """Return what paints over many texts, such as those that leave for an embedder elsewhere."""
    return lambda texts: [redact(text, policy).text for text in texts] if policy.is_on else list(texts)


def bytes_redactor(policy: Policy) -> Callable[[bytes], bytes] | None:
    """Return what paints over a file's bytes; None if nothing is to be."""
    return (lambda data: redact_bytes(data, policy)[0]) if policy.is_on else None


def for_log(text: str) -> str:
    """Return a message as it may be shown or logged: without secrets. Never raises."""
    try:
        return redact(text, LOGS).text
    except Exception as error:  # noqa: BLE001 - one more error must not hide the one that is told of
        return f"a message that can't be checked for secrets ({type(error).__name__})"


Part = tuple[int, int, str]


def _fresh(data: bytes, found: Sequence[Part]) -> list[Part]:
    """Return the findings, on the borders of characters, without those that touch what is painted already."""
    marks = _marks(data)
    fresh: list[Part] = []
    for start, end, rule in found:
        while start and _is_inside_character(data[start]):
            start -= 1
        while end < len(data) and _is_inside_character(data[end]):
            end += 1
        before = fresh[-1][1] if fresh else 0
        if start >= before and not any(begin < end and start < stop for begin, stop in marks):
            fresh.append((start, end, rule))
    return fresh


def _is_inside_character(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _marks(data: bytes) -> list[tuple[int, int]]:
    """Return where marks stand."""
    marks = []
    begin = data.find(MARK)
    while begin >= 0:
        stop = data.find(b"]", begin, begin + _LONGEST_MARK)
        marks.append((begin, begin + len(MARK) if stop < 0 else stop + 1))
        begin = data.find(MARK, begin + 1)
    return marks


def _painted(rule: str, value: bytes) -> bytes:
    """Return a mark of the length of `value`, with its line breaks."""
    lines = value.splitlines(keepends=True)
    painted = []
    for number, line in enumerate(lines):
        content = line.rstrip(b"\r\n")
        mark = _fitted(rule, len(content)) if number == 0 else _FILLER * len(content)
        painted.append(mark + line[len(content) :])
    return b"".join(painted)


def _fitted(rule: str, length: int) -> bytes:
    if length < _SHORTEST:
        return _FILLER * length
    return (MARK + b":" + rule.encode())[: length - 1].ljust(length - 1, _FILLER) + b"]"
