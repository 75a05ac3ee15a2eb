"""Every rule finds what it is for, and not what only looks like it."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from benchmarks.planting import expand

from treeseek.safety.rules import KINDS, TIERS, Rule, load_rules, rule_of
from treeseek.safety.scanner import Scanner, scanner
from treeseek.safety.validators import CHECKS

RULES = load_rules()


def finds(rule: Rule, text: str) -> bool:
    return any(found.rule == rule.id for found in scanner("low", (rule.kind,)).scan(text.encode()))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_finds_its_examples_and_not_its_counterexamples(rule: Rule) -> None:
    rng = random.Random(rule.id)
    assert rule.examples and rule.counterexamples
    for example in rule.examples:
        found = sum(finds(rule, expand(example, rng)) for _ in range(8))
        # Without a form of its own a value may, by chance, have no digit in it; what is near certain is always found.
        assert found == 8 if rule.tier == "high" else found >= 6, example
    for example in rule.counterexamples:
        assert not finds(rule, expand(example, rng)), example


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_example_is_found_in_the_middle_of_a_file(rule: Rule) -> None:
    rng = random.Random(f"{rule.id} again")
    line = "value = 17  # of a line\n"
    if rule.tier == "high":
        text = line * 40 + expand(rule.examples[0], rng) + "\n" + line * 40
        assert finds(rule, text)


def test_there_are_as_many_rules_as_promised_and_each_names_what_there_is() -> None:
    kinds = Counter(rule.kind for rule in RULES)
    assert kinds["secret"] >= 200 and kinds["pii"] >= 20
    assert len({rule.provider for rule in RULES}) > 100
    for rule in RULES:
        assert rule.kind in KINDS and rule.tier in TIERS and rule.description
        assert set(rule.checks) <= CHECKS.keys(), rule.id
    assert rule_of("jwt").provider == "any"


ORDINARY = """
commit 9fceb02d0ae598e95dc970b74767f19372d61af8 and 6f6d2ec
id: 550e8400-e29b-41d4-a716-446655440000
"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
checksum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
h1:K9jJdAUuLhF6ZFXfbGMXVVnEJJaVu/pl0BWNBQH+8Rw=
<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9aw">
!function(e,t){"object"==typeof exports?module.exports=t():e.sk_=t()}(this,function(){var re_=1,hf_=2;return re_+hf_});
AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
password = "password"  token = os.environ["TOKEN"]  secret: ${SECRET}  api_key = <your-api-key>
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7vbqajDhA2mY4b5wRkq user
-----BEGIN CERTIFICATE-----
MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTESMBAGA1UE
-----END CERTIFICATE-----
ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx sk_live_your_key_here xoxb-not-a-token
0123456789abcdef0123456789abcdef01234567 4242 4242 4242 4242 123-45-6789 192.168.0.1 10.20.30.40 ::1
git@github.com:owner/name.git icon@2x.png user@example.com @Override
"""


def test_what_code_is_full_of_is_not_taken_for_anything() -> None:
    found = Scanner("high", KINDS).scan(ORDINARY.encode())
    assert found == []
    assert Scanner("medium", ("secret",)).scan(ORDINARY.encode()) == []
