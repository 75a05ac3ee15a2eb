"""Is it somebody's? What tells an address, a number or a name of a person from one that code is full of."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

from treeseek.safety.placeholders import is_sequence

__all__ = ["PERSONAL_CHECKS"]

_SAMPLE_DOMAINS = (
    b"example.com", b"example.org", b"example.net", b"example.edu", b"example.de", b"example.co.uk", b"domain.com",
    b"test.com", b"foo.com", b"bar.com", b"foo.bar", b"email.com", b"company.com", b"yourdomain.com", b"mydomain.com",
    b"users.noreply.github.com", b"mail.com", b"acme.com", b"acme.org", b"host.com", b"site.com", b"server.com",
)  # fmt: skip
_SAMPLE_TOPS = frozenset(
    (b"example", b"test", b"invalid", b"localhost", b"local", b"internal", b"lan", b"corp", b"home")
)
_FILE_TOPS = frozenset(
    b"png jpg jpeg gif svg webp js ts mjs cjs jsx tsx css scss html htm md py rb rs go java kt c h cpp hpp cs php json "
    b"yaml yml toml xml txt so dll exe service target socket timer mount slice jar war gz tgz zip dev sh lock vue "
    b"svelte "
    b"class method value name length map get set props state data key id ref el self this call bind apply then".split()
)
_MACHINES = frozenset((b"git", b"noreply", b"no-reply", b"donotreply", b"root", b"www", b"ssh", b"svn", b"hg", b"bot"))
_NOBODY = frozenset(
    b"user username users you your me myself foo bar baz runner runneradmin vagrant ubuntu debian centos ec2-user "
    b"admin "
    b"administrator app appuser node root build builder jenkins git gitlab github circleci travis travisci docker test "
    b"tester tests testuser shared public default guest someuser example name someone somebody dev developer "
    b"developers "
    b"home deploy service www-data nobody linuxbrew work workspace project projects code coder vscode codespace pi "
    b"myuser my_user youruser yourname your-name user1 user2 alice bob carol jdoe johndoe john jane joe "
    b"buildkite-agent "
    b"semaphore azureuser vsts vsts_azpcontainer runner-user lib local bin share src data".split()
)


def _is_email(value: bytes) -> bool:
    """An address that isn't a sample, a file's name or a machine's account."""
    name, _, domain = value.lower().rpartition(b"@")
    top = domain.rpartition(b".")[2]
    if top in _SAMPLE_TOPS or top in _FILE_TOPS or name in _MACHINES or b".." in value or name.endswith(b"."):
        return False
    if any(domain == sample or domain.endswith(b"." + sample) for sample in _SAMPLE_DOMAINS):
        return False
    second = domain.split(b".")[-2]
    return second not in (b"example", b"test", b"foo", b"bar", b"domain", b"company") and not second.startswith(b"-")


def _is_phone(value: bytes) -> bool:
    """Seven to fifteen digits, not those that films use, not a row."""
    digits = bytes(byte for byte in value if 48 <= byte <= 57)
    if not 8 <= len(digits) <= 15 or len(set(digits)) < 4 or is_sequence(digits) or b"1234567" in digits:
        return False
    return b"55501" not in digits and b"5555555" not in digits and b"000000" not in digits


def _is_ipv4(value: bytes) -> bool:
    """A public address that no documentation uses; versions look like small ones, and ones with zeros."""
    try:
        address = ipaddress.IPv4Address(value.decode("ascii"))
    except ValueError:
        return False
    parts = value.split(b".")
    small = all(len(part) == 1 for part in parts) or sum(len(part) for part in parts) < 6
    well_known = value in (b"8.8.8.8", b"8.8.4.4", b"1.1.1.1", b"1.0.0.1", b"9.9.9.9")
    return address.is_global and not address.is_multicast and not small and not well_known and parts[3] != b"0"


def _is_ipv6(value: bytes) -> bool:
    try:
        address = ipaddress.IPv6Address(value.decode("ascii"))
    except ValueError:
        return False
    return address.is_global and len(set(value)) > 6 and not value.lower().startswith((b"2001:db8", b"2001:4860:4860"))


def _is_mac(value: bytes) -> bool:
    """An address that a maker gave: not local, not for groups, not a sample."""
    text = value.replace(b"-", b":").lower()
    first = int(text[:2], 16)
    parts = text.split(b":")
    return (
        not first & 3
        and len(set(parts)) > 3
        and value.count(b":") in (0, 5)
        and not is_sequence(text)
        and parts[0] != b"00"
    )


def _is_persons_directory(value: bytes) -> bool:
    return value.lower() not in _NOBODY and not value.lower().startswith((b"user", b"your", b"some", b"test", b"$"))


def _is_birth_date(value: bytes) -> bool:
    """A year in which somebody who lives was born, and not the first day of an epoch."""
    parts = value.replace(b"/", b"-").replace(b".", b"-").split(b"-")
    year = next(int(part) for part in parts if len(part) == 4)
    return 1920 <= year <= 2024 and not (value.endswith((b"01-01", b"1-1")) or value.startswith((b"01.01", b"01/01")))


def _are_coordinates(value: bytes) -> bool:
    digits = bytes(byte for byte in value if 48 <= byte <= 57)
    return len(set(digits)) > 4 and b"00000" not in digits and b"123456" not in digits


def _is_person_name(value: bytes) -> bool:
    return value.lower() not in (b"john", b"jane", b"doe", b"john doe", b"jane doe", b"foo", b"bar", b"test", b"name")


def _is_not_same(value: bytes) -> bool:
    """More than a few characters over and over."""
    kept = bytes(byte for byte in value if chr(byte).isalnum())
    return len(set(kept)) > 3 and b"0000" not in kept


def _is_not_sequence(value: bytes) -> bool:
    kept = bytes(byte for byte in value if 48 <= byte <= 57)
    return not is_sequence(kept)


PERSONAL_CHECKS: Mapping[str, Callable[[bytes], bool]] = {
    "email": _is_email,
    "phone": _is_phone,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "mac": _is_mac,
    "person-directory": _is_persons_directory,
    "birth-date": _is_birth_date,
    "coordinates": _are_coordinates,
    "person-name": _is_person_name,
    "not-same": _is_not_same,
    "not-sequence": _is_not_sequence,
}
"""By the names that rules use."""
