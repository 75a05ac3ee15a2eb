"""Is it really one? What can be checked of a match beyond its shape: checksums, structure, variety, and words that only
stand where a value belongs.

Every check takes the bytes that would be secret and returns whether they can be. None uses a regular expression: they
see what an untrusted repository holds, and each is linear in it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from math import log2
from typing import Any

from treeseek.safety.placeholders import is_dull
from treeseek.safety.validators_numbers import NUMBER_CHECKS
from treeseek.safety.validators_personal import PERSONAL_CHECKS

__all__ = ["CHECKS", "bech32_polymod", "entropy", "github_checksum"]

Check = Callable[[bytes], bool]

BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_DIGITS = frozenset(b"0123456789")
_LOWER = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_UPPER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LETTERS = _LOWER | _UPPER
_BASE64_OF_KEYS = frozenset(BASE62 + b"+/=")
_LEAST_KEY_BYTES = 60
"""Base64 of the smallest private key, an Ed25519 one, is 64 characters long."""
_SAMPLE_SUBJECT = "1234567890"
"""What the token on jwt.io, which half of all documentation shows, is about."""


def entropy(value: bytes) -> float:
    """Return Shannon's entropy in bits a byte."""
    if not value:
        return 0.0
    n = len(value)
    counts = [value.count(byte) for byte in set(value)]
    return log2(n) - sum(count * log2(count) for count in counts) / n


def github_checksum(token: bytes) -> bytes:
    """Return the last six characters that a token of GitHub's or npm's form has, given the rest after its prefix."""
    crc, digits = zlib.crc32(token), b""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = BASE62[digit : digit + 1] + digits
    return digits


def _has_github_crc(value: bytes) -> bool:
    body = value.rpartition(b"_")[2]
    return github_checksum(body[:-6]) == body[-6:]


def _is_mixed(value: bytes) -> bool:
    """Digits and letters both, as all but one random value in a million have."""
    seen = set(value)
    return not seen.isdisjoint(_DIGITS) and not seen.isdisjoint(_LETTERS)


def _has_mixed_letters(value: bytes) -> bool:
    seen = set(value)
    return not seen.isdisjoint(_LOWER) and not seen.isdisjoint(_UPPER)


def _is_mixed_case(value: bytes) -> bool:
    """Digits and letters of both cases; or, as chance may have it, letters that change case too often for names."""
    if not _has_mixed_letters(value):
        return False
    if not _DIGITS.isdisjoint(value):
        return True
    changes = sum((a ^ b) >> 5 & 1 for a, b in pairwise(value))
    return changes * 3 >= len(value)


def _is_not_path(value: bytes) -> bool:
    """Between the slashes of a path there are words, which there hardly are by chance between those of base64."""
    parts = value.split(b"/")
    return not any(len(part) > 3 and part.isalpha() and (part.islower() or part.istitle()) for part in parts[1:-1])


def _is_not_word(value: bytes) -> bool:
    """Not a name or an expression of code: such have separators, and what is between them reads like words."""
    parts = value.replace(b".", b"-").replace(b"_", b"-").replace(b"/", b"-").split(b"-")
    if len(parts) == 1:
        return True
    wordy = sum(len(part) for part in parts if part.isalpha() or (part[:-1].isalpha() and len(part) < 10))
    return wordy * 2 < len(value)


def _is_jwt(value: bytes) -> bool:
    """Header and payload are JSON objects, the header names an algorithm, and it isn't the well-known sample."""
    header, payload = (_json_object(part) for part in value.split(b".")[:2])
    if header is None or payload is None or not isinstance(header.get("alg"), str):
        return False
    return header["alg"].lower() != "none" and payload.get("sub") != _SAMPLE_SUBJECT


def _is_jwt_with_claims(value: bytes) -> bool:
    """Tokens that somebody issued say when or by whom; those made up for a test mostly don't."""
    payload = _json_object(value.split(b".")[1]) or {}
    return _is_jwt(value) and not payload.keys().isdisjoint(("iat", "exp", "iss"))


def _has_jose_header(value: bytes) -> bool:
    header = _json_object(value.split(b".", 1)[0])
    return header is not None and "alg" in header and "enc" in header


def _json_object(part: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_basic_auth(value: bytes) -> bool:
    """Base64 of a name and a password that isn't one of the usual samples."""
    try:
        name, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    if not colon or len(password) < 4 or not (name + password).decode("latin-1").isprintable():
        return False
    return not is_dull(password) and not is_dull(name) and name != password


def _is_key_block(value: bytes) -> bool:
    """What stands between the lines of a PEM block is base64, enough of it, and of a key's variety.

    The block may be a literal of a language: line breaks as escapes, quotes, plus signs and commas are passed over.
    """
    body = value.split(b"-----")[2]
    for escape in (b"\\r", b"\\n", b"\\t"):
        body = body.replace(escape, b"\n")
    lines = [line.strip(b" \t\r\"'`+,;\\|#*/.<>()").strip() for line in body.split(b"\n")]
    kept = b"".join(line for line in lines if line and b":" not in line and _BASE64_OF_KEYS.issuperset(line))
    return len(kept) >= _LEAST_KEY_BYTES and entropy(kept) > 4.2


def _has_base58_checksum(value: bytes) -> bool:
    number = 0
    for byte in value:
        digit = BASE58.find(byte)
        if digit < 0:
            return False
        number = number * 58 + digit
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return len(raw) > 4 and hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _has_bech32_checksum(value: bytes) -> bool:
    name, _, data = value.lower().rpartition(b"1")
    digits = [BECH32.find(byte) for byte in data]
    expanded = [*(byte >> 5 for byte in name), 0, *(byte & 31 for byte in name), *digits]
    return min(digits, default=-1) >= 0 and bech32_polymod(expanded) == 1


def bech32_polymod(values: list[int]) -> int:
    """The BCH code of BIP 173."""
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i in range(5):
            check ^= generator[i] if top >> i & 1 else 0
    return check


def _is_password(value: bytes) -> bool:
    """Not a variable, an expression or a word that stands for a password."""
    if is_dull(value) or len(set(value)) < 4:
        return False
    return not (
        value.startswith((b"$", b"%", b"<", b"{", b"@", b"&", b"*")) or value.endswith((b"()", b")", b"}", b">"))
    )


CHECKS: Mapping[str, Check] = {
    "github-crc": _has_github_crc,
    "mixed": _is_mixed,
    "mixed-case": _is_mixed_case,
    "mixed-letters": _has_mixed_letters,
    "not-path": _is_not_path,
    "not-word": _is_not_word,
    "jwt": _is_jwt,
    "jwt-claims": _is_jwt_with_claims,
    "jose-header": _has_jose_header,
    "basic-auth": _is_basic_auth,
    "key-block": _is_key_block,
    "base58check": _has_base58_checksum,
    "bech32": _has_bech32_checksum,
    "password": _is_password,
    **NUMBER_CHECKS,
    **PERSONAL_CHECKS,
}
"""By the names that rules use."""
