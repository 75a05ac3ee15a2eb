"""The scanner: places, borders, preferences, and that it takes any bytes."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from benchmarks.planting import expand
from hypothesis import given
from hypothesis import strategies as st

from treeseek.safety import scanner as scanning
from treeseek.safety.rules import KINDS, load_rules
from treeseek.safety.scanner import Scanner, scanner

RNG = random.Random(7)
TOKEN = expand("{github:ghp_}", RNG)


def rules(text: str, tier: str = "high") -> list[str]:
    return [found.rule for found in scanner(tier, KINDS).scan(text.encode())]


def test_a_finding_says_where_and_not_what() -> None:
    text = f"a = 1\nüb = '{TOKEN}'\n"
    (found,) = Scanner().scan(text.encode())
    assert (found.rule, found.kind, found.tier) == ("github-pat", "secret", "high")
    assert (found.line, found.column) == (2, 7)
    assert text.encode()[found.start : found.end].decode() == TOKEN
    assert TOKEN[6:] not in repr(found) and found.preview == "ghp_… (40 bytes)"


@pytest.mark.parametrize("text", ["x{}", "{}x", "_{}", "{}_", "9{}"])
def test_part_of_something_longer_is_no_token(text: str) -> None:
    assert rules(text.format(TOKEN)) == []


@pytest.mark.parametrize("text", ['"{}"', "\\n{}", "a%3D{}&b", "({})", "https://x.net/?t={}", "{}\\n", "-{}", "[{}]"])
def test_a_token_is_found_whatever_stands_beside_it(text: str) -> None:
    assert rules(text.format(TOKEN)) == ["github-pat"]


def test_the_surest_rule_wins_and_nothing_overlaps() -> None:
    text = f'github_token = "{TOKEN}"  url = "https://joe:{TOKEN}@github.com/a"'
    assert rules(text, "low") == ["github-pat", "github-pat"]


def test_a_token_whose_checksum_is_wrong_is_less_sure() -> None:
    wrong = TOKEN[:-1] + ("a" if TOKEN[-1] != "a" else "b")
    assert rules(wrong) == [] and rules(wrong, "medium") == ["github-token-unchecked"]


def test_a_key_is_found_whole_on_many_lines_or_one_or_cut_short() -> None:
    block = expand("{pem:RSA PRIVATE KEY}", random.Random(1))
    for text in (block, "  " + block.replace("\n", "\n  "), '"' + block.replace("\n", "\\n") + '"', block[:-29]):
        (found,) = Scanner().scan(text.encode())
        assert found.rule == "private-key"
        assert found.end - found.start >= len(block) - 40
    tail = block.split("\n", 3)[3]
    assert rules(tail) == ["private-key-end"]


def test_two_keys_are_two_findings() -> None:
    block = expand("{pem:EC PRIVATE KEY}\n", random.Random(2))
    assert rules(block * 2) == ["private-key"] * 2


def test_an_unknown_tier_or_kind_is_refused() -> None:
    with pytest.raises(ValueError):
        Scanner("certain")
    with pytest.raises(ValueError):
        Scanner("high", ("money",))


@given(st.binary(max_size=400))
def test_any_bytes_are_scanned(data: bytes) -> None:
    for found in scanner("low", KINDS).scan(data):
        assert 0 <= found.start < found.end <= len(data) and found.line >= 1 and found.column >= 1


KEYWORDS = sorted({word for rule in load_rules() for word in rule.keywords})


@given(
    st.lists(st.one_of(st.sampled_from(KEYWORDS), st.binary(max_size=12), st.sampled_from([b"=", b'"', b": ", b"\n"])))
)
def test_any_bytes_around_keywords_are_scanned(parts: list[bytes]) -> None:
    data = b"".join(parts)
    spans = [(found.start, found.end) for found in scanner("low", KINDS).scan(data)]
    assert spans == sorted(spans) and all(a[1] <= b[0] for a, b in pairwise(spans))


@pytest.mark.parametrize(
    "unit",
    [b"datadog", b"token=", b"-eyJ", b"eyJaaaaaaaa.", b"-----BEGIN PRIVATE KEY-----\n", b"-----END PRIVATE KEY-----",
     b"a@", b"a://b:", b"aws_secret_access_key = ", b"curl -u ", b"password: "],
)  # fmt: skip
def test_patterns_see_no_more_than_a_few_times_a_hostile_text(unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    compiled = scanning._compiled

    class Counting:
        def __init__(self, pattern: str) -> None:
            self.pattern = compiled(pattern)

        def _limited(self, call: object, data: bytes, start: int, end: int) -> object:
            nonlocal seen
            found = call(data, start, end)  # type: ignore[operator]
            seen += (found.end() if found else end) - start
            return found

        def match(self, data: bytes, start: int, end: int) -> object:
            return self._limited(self.pattern.match, data, start, min(end, start + 200))

        def search(self, data: bytes, start: int, end: int) -> object:
            return self._limited(self.pattern.search, data, start, end)

    monkeypatch.setattr(scanning, "_compiled", Counting)
    data = unit * (60_000 // len(unit))
    one = Scanner("low", ("secret",))
    one.scan(data[: len(data) // 4])
    quarter, seen = seen, 0
    one.scan(data)
    assert seen <= 5 * max(quarter, 20_000)
