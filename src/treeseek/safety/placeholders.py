"""Does a value only stand where a secret belongs? Words of samples, runs of one character, sequences, our own marks."""

from __future__ import annotations

__all__ = ["MARK", "is_dull", "is_placeholder", "is_sequence"]

MARK = b"[REDACTED"
"""How what `redact` puts in place of a finding begins."""
_MASKED = b"***"

_WORDS = (
    b"example", b"sample", b"dummy", b"placeholder", b"changeme", b"change_me", b"change-me", b"redacted", b"insert",
    b"your_", b"your-", b"yourkey", b"yourtoken", b"yoursecret", b"yourpass", b"xxxxx", b"secret_here",
    b"token_here", b"key_here", b"replace", b"deadbeef", b"lorem", b"foobar", b"notreal", b"not_real", b"notasecret",
    b"testtest", b"abcdefgh", b"0123456789", b"1234567890", b"abcd1234", b"123456789abcdef", b"qwerty", b"....",
    b"eby8vdm02xnocqflqu",
)  # fmt: skip
"""The last is the key of Azure's emulator. Forty random letters and digits hold one once in ten million cases."""
_BESIDE = (b"fake", b"xxxx", b"demo", b"test")
"""Shorter ones count at an end, or beside something that is neither letter nor digit, on both sides of them."""
_DULL = frozenset((
    b"password", b"passwd", b"pass", b"secret", b"token", b"user", b"username", b"admin", b"root", b"guest", b"test",
    b"tests", b"testing", b"foo", b"bar", b"baz", b"qux", b"none", b"null", b"nil", b"true", b"false", b"undefined",
    b"string", b"value", b"key", b"default", b"postgres", b"mysql", b"redis", b"rabbitmq", b"minio", b"minioadmin",
    b"hunter2", b"letmein", b"welcome", b"open sesame", b"opensesame", b"aladdin", b"mypassword", b"mysecret", b"pwd",
    b"pw", b"p@ssw0rd", b"passw0rd", b"s3cr3t", b"sesame", b"changeit", b"private", b"public", b"demo", b"temp",
    b"mypass", b"rootpassword", b"password1", b"password123", b"pass123", b"test123", b"admin123", b"secret123",
))  # fmt: skip
_SEQUENCES = (
    b"0123456789012345678901234567890", b"9876543210987654321098765432109", b"abcdefghijklmnopqrstuvwxyzabcdefghijklm",
    b"zyxwvutsrqponmlkjihgfedcba", b"0123456789abcdef0123456789abcdef", b"1234567890abcdefghijklmnopqrstuvwxyz",
)  # fmt: skip
_LONGEST_RUN = 6
"""A random value has seven times the same character in a row once in a thousand million cases."""


def is_placeholder(value: bytes) -> bool:
    """Whether a value is only a sample, or was painted over before."""
    if MARK in value or _MASKED in value:
        return True
    lower = value.lower()
    return any(word in lower for word in _WORDS) or _stands_apart(lower) or _has_run(lower) or is_sequence(lower)


def _stands_apart(lower: bytes) -> bool:
    for word in _BESIDE:
        at = lower.find(word)
        if at >= 0:
            around = lower[max(at - 1, 0) : at], lower[at + len(word) : at + len(word) + 1]
            if not any(side.isalnum() for side in around):
                return True
    return False


def is_dull(value: bytes) -> bool:
    """Whether a password is a word that says that a password goes here, or one that everybody knows."""
    lower = value.lower().strip(b" \"'")
    if is_placeholder(value) or lower in _DULL:
        return True
    core = lower.strip(b"0123456789!@#$_-.*")
    parts = core.replace(b"-", b"_").replace(b".", b"_").replace(b" ", b"_").split(b"_")
    return core in _DULL or all(part in _DULL or part in (b"my", b"the", b"a", b"your", b"db") for part in parts)


def is_sequence(value: bytes) -> bool:
    """Whether a value, in lower case, counts up or down, from wherever it begins."""
    core = bytes(byte for byte in value if chr(byte).isalnum())
    return len(core) > 3 and any(core in sequence for sequence in _SEQUENCES)


def _has_run(value: bytes) -> bool:
    if len(set(value)) <= 2 and len(value) > 7:
        return True
    run, before = 0, -1
    for byte in value[:4096]:
        run = run + 1 if byte == before and chr(byte).isalnum() else 1
        if run > _LONGEST_RUN:
            return True
        before = byte
    return False
