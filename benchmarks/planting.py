"""What does a secret look like? Examples of rules, expanded from their templates by a seeded generator.

A template is text with fields in braces: `{hex:32}` is 32 random hex digits, `{same:x:8}` eight times an x, `{uuid}` a
random one, `{github:ghp_}` a token with its checksum, `{pem:PRIVATE KEY}` a block of nonsense of a key's form, and
`{valid:card:4### ####}` the first filling of the mask that a check holds to be right. So no credential stands in the
tree.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import string
import uuid
from collections.abc import Callable, Mapping

from treeseek.safety.validators import BASE58, BECH32, CHECKS, bech32_polymod, github_checksum

__all__ = ["ALPHABETS", "expand"]

ALPHABETS: Mapping[str, str] = {
    "alnum": string.ascii_letters + string.digits,
    "b64alnum": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "digit": string.digits,
    "nonzero": "123456789",
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "alpha": string.ascii_letters,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "b32": string.ascii_uppercase + "234567",
}
_MASK = {"#": string.digits, "!": "123456789", "@": string.ascii_uppercase, "&": string.ascii_uppercase + string.digits}
_SYLLABLES = "ba ke ri mo lu sa ten dor vi han pel gu".split()
_FIELD = re.compile(r"\{(\w+(?::[^{}]+)?)\}")


def expand(template: str, rng: random.Random) -> str:
    """Return a template with its fields filled in. Raises KeyError for a field that isn't known."""
    return _FIELD.sub(lambda match: _filled(match[1], rng), template)


def _filled(field: str, rng: random.Random) -> str:
    kind, _, rest = field.partition(":")
    if kind in ALPHABETS:
        return _random(ALPHABETS[kind], int(rest or 1), rng)
    return _MAKERS[kind](rest, rng)


def _random(alphabet: str, count: int, rng: random.Random) -> str:
    """Return random characters that neither begin nor end like punctuation, as tokens in configurations don't."""
    text = "".join(rng.choices(alphabet, k=count))
    if count > 1 and not (text[0].isalnum() and text[-1].isalnum()):
        return _random(alphabet, count, rng)
    return text


def _same(rest: str, _: random.Random) -> str:
    character, count = rest.split(":")
    return character * int(count)


def _word(rest: str, rng: random.Random) -> str:
    return "".join(rng.choices(_SYLLABLES, k=int(rest)))[: int(rest)]


def _valid(rest: str, rng: random.Random) -> str:
    check, _, mask = rest.partition(":")
    for _ in range(200_000):
        value = "".join(rng.choice(_MASK[one]) if one in _MASK else one for one in mask)
        try:
            if CHECKS[check](value.encode()):
                return value
        except (ValueError, IndexError, KeyError):
            continue
    raise ValueError(f"nothing of the form {mask} passes {check}")


def _github(prefix: str, rng: random.Random) -> str:
    body = _random(ALPHABETS["alnum"], 30, rng)
    return prefix + body + github_checksum(body.encode()).decode()


def _jose(document: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).decode().rstrip("=")


def _jwt(_: str, rng: random.Random) -> str:
    claims = {"sub": str(rng.getrandbits(40)), "name": _word("9", rng), "iat": rng.randrange(10**9, 2 * 10**9)}
    return f"{_jose({'alg': 'HS256', 'typ': 'JWT'})}.{_jose(claims)}.{_random(ALPHABETS['url'], 43, rng)}"


def _jwe(_: str, rng: random.Random) -> str:
    url = ALPHABETS["url"]
    parts = (_jose({"alg": "dir", "enc": "A256GCM"}), "", _random(url, 16, rng), _random(url, 90, rng))
    return ".".join((*parts, _random(url, 22, rng)))


def _pem(kind: str, rng: random.Random) -> str:
    body = "\n".join(_random(ALPHABETS["b64"], 64, rng) for _ in range(rng.randrange(3, 26)))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"


def _basic(_: str, rng: random.Random) -> str:
    return base64.b64encode(f"{_word('7', rng)}:{_random(ALPHABETS['alnum'], 14, rng)}".encode()).decode()


def _base58check(raw: bytes) -> str:
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = chr(BASE58[digit]) + text
    return text


def _age(_: str, rng: random.Random) -> str:
    name = b"age-secret-key-"
    data = [rng.randrange(32) for _ in range(51)] + [rng.choice((0, 16))]
    expanded = [*(byte >> 5 for byte in name), 0, *(byte & 31 for byte in name), *data]
    check = bech32_polymod(expanded + [0] * 6) ^ 1
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return f"AGE-SECRET-KEY-1{bytes(BECH32[digit] for digit in data).decode().upper()}"


_MAKERS: Mapping[str, Callable[[str, random.Random], str]] = {
    "same": _same,
    "word": _word,
    "valid": _valid,
    "github": _github,
    "jwt": _jwt,
    "jwe": _jwe,
    "pem": _pem,
    "basic": _basic,
    "uuid": lambda _, rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "wif": lambda _, rng: _base58check(b"\x80" + rng.randbytes(32)),
    "xprv": lambda _, rng: _base58check(
        bytes.fromhex("0488ade4") + b"\3" + rng.randbytes(40) + b"\0" + rng.randbytes(32)
    ),
    "age": _age,
}
