"""What is painted over is gone, and nothing else has moved."""

from __future__ import annotations

import random

import pytest
from benchmarks.planting import expand
from hypothesis import given
from hypothesis import strategies as st

from treeseek.errors import UsageError
from treeseek.safety import redact as redacting
from treeseek.safety.answers import held, paths_of, redacted
from treeseek.safety.redact import Policy, bytes_redactor, for_log, redact, redact_bytes, redactor
from treeseek.safety.rules import KINDS, load_rules
from treeseek.safety.scanner import Scanner
from treeseek.settings import load

RULES = load_rules()
RNG = random.Random(11)
KEY = expand("{pem:PRIVATE KEY}", RNG)
TOKEN = expand("{github:ghp_}", RNG)
EXAMPLES = [expand(rule.examples[0], RNG) for rule in RULES]
POLICIES = [Policy("high", pii=False), Policy("high"), Policy("medium"), Policy("low")]


def test_a_mark_has_the_length_of_what_it_covers() -> None:
    done = redact(f'key = "{TOKEN}";')
    assert done.text == f'key = "[REDACTED:github-pat{"*" * 19}]";'
    assert done.counts == {"github-pat": 1}


def test_a_key_keeps_its_lines() -> None:
    done = redact(f"a\r\n{KEY}\nb")
    lines = done.text.split("\n")
    assert lines[1].startswith("[REDACTED:private-key") and lines[-1] == "b"
    assert [len(line) for line in lines] == [len(line) for line in f"a\r\n{KEY}\nb".split("\n")]
    assert set("".join(lines[2:-1])) == {"*"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_nothing_is_left_of_an_example(rule: object) -> None:
    rng = random.Random(5)
    text = "ä " + expand(rule.examples[0], rng) + "\nrest"  # type: ignore[attr-defined]
    done = redact(text, Policy("low"))
    assert len(done.text.encode()) == len(text.encode())
    assert Scanner("low", KINDS).scan(done.text.encode()) == [] or redact(done.text, Policy("low")).text == done.text


@given(
    st.lists(
        st.one_of(
            st.sampled_from(EXAMPLES), st.text(max_size=20), st.sampled_from(["\n", '"', "=", "key ", "[REDACTED:"])
        )
    ),
    st.sampled_from(POLICIES),
)
def test_painting_twice_is_painting_once_and_moves_nothing(parts: list[str], policy: Policy) -> None:
    text = "".join(parts)
    once = redact(text, policy).text
    before, after = text.encode("utf-8", "surrogatepass"), once.encode("utf-8", "surrogatepass")
    assert len(after) == len(before)
    assert [i for i, byte in enumerate(after) if byte in b"\r\n"] == [
        i for i, byte in enumerate(before) if byte in b"\r\n"
    ]
    assert redact(once, policy).text == once


@given(st.binary(max_size=300), st.sampled_from(POLICIES))
def test_bytes_that_are_no_text_keep_their_length_too(data: bytes, policy: Policy) -> None:
    painted, _ = redact_bytes(data, policy)
    assert len(painted) == len(data) and redact_bytes(painted, policy)[0] == painted


def test_a_character_is_never_split() -> None:
    for text in (f"ß{TOKEN} ü", f'pass{"word"} = "süß{TOKEN[4:20]}é"'):
        done = redact(text, Policy("low"))
        assert done.counts and "\ufffd" not in done.text


def test_policies_differ_in_what_they_cover() -> None:
    text = "mail joe.miller@corpmail.net, " + expand("postgres://app:{alnum:10}@db/x", RNG)
    assert redact(text, Policy("off")).text == text
    assert redact(text, Policy("high", pii=False)).text == text
    assert dict(redact(text, Policy("high")).counts) == {"email-address": 1}
    assert set(redact(text, Policy("medium")).counts) == {"email-address", "url-password"}


def test_a_policy_is_known_by_all_that_it_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = [Policy(tier, pii).fingerprint for tier in ("high", "medium", "low") for pii in (True, False)]
    assert len(set(prints)) == 6 and Policy("off").fingerprint == ""


def test_many_texts_at_once_and_bytes_of_a_file() -> None:
    assert redactor(Policy())([TOKEN, "plain"])[1] == "plain"
    assert TOKEN not in redactor(Policy())([TOKEN, "plain"])[0]
    assert redactor(Policy("off"))([TOKEN]) == [TOKEN]
    assert bytes_redactor(Policy("off")) is None
    paint = bytes_redactor(Policy())
    assert paint is not None and paint(TOKEN.encode()).startswith(b"[REDACTED:")


def test_a_message_that_cannot_be_checked_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN not in for_log(f"no such root /tmp/{TOKEN}")

    def broken(text: str, policy: Policy) -> None:
        raise MemoryError

    monkeypatch.setattr(redacting, "redact", broken)
    assert TOKEN not in for_log(TOKEN)


def test_a_comment_does_not_let_anything_leave() -> None:
    assert TOKEN not in redact(f"{TOKEN}  # treeseek:allow").text


def test_pieces_of_an_answer_without_what_told_a_secret_are_covered() -> None:
    from treeseek.model import Found, Hit, Site

    lines = KEY.split("\n")
    hit = Hit("id", "a.py", "python", "block", TOKEN, f"f({TOKEN})", 1, 2, 0.5, "\n".join(lines[2:4]))
    assert paths_of((hit, Found("b.py", "python", Site("", "c.py", "", "", "", 0, 0, 0, 0, 0)))) == {
        "a.py",
        "b.py",
        "c.py",
    }
    known = held(KEY.encode(), Policy())
    shown = redacted(hit, Policy(), known)
    assert (shown.id, shown.path, shown.score) == ("id", "a.py", 0.5)
    assert TOKEN not in repr(shown) and lines[2] not in shown.text and shown.text.count("\n") == 1


@pytest.mark.parametrize(("given", "kept"), [("high", "high"), ("LOW", "low"), ("off", "off")])
def test_settings_choose_a_tier(given: str, kept: str) -> None:
    assert load({"TREESEEK_REDACT_STORE": given}).redact_store == kept


def test_settings_say_whether_persons_count_and_refuse_what_is_no_choice() -> None:
    defaults = load({})
    assert (defaults.redact, defaults.redact_store, defaults.redact_answers) == ("high", "off", "off")
    assert defaults.redact_pii and not load({"TREESEEK_REDACT_PII": "false"}).redact_pii
    for name, value in (("TREESEEK_REDACT_STORE", "yes"), ("TREESEEK_REDACT_PII", "high")):
        with pytest.raises(UsageError, match="is not one of"):
            load({name: value})
