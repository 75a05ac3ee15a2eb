"""Check digits and checksums, against numbers that those who defined them publish."""

from __future__ import annotations

import pytest

from treeseek.safety.placeholders import is_dull, is_placeholder
from treeseek.safety.validators import CHECKS, entropy, github_checksum

PUBLISHED = {
    "iban": ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR1420041010050500013M02606"],
    "verhoeff": ["2345 6789 0124"],
    "cpf": ["529.982.247-25"],
    "nhs": ["943 476 5919"],
    "dni": ["Z1234567R", "87654321X"],
    "codice-fiscale": ["RSSMRA85T10A562S"],
    "be-nn": ["85.07.30-033.28"],
    "pesel": ["44051401359"],
    "personnummer": ["811228-9874", "640823-3234"],
    "hetu": ["131052-308T"],
    "rodne-cislo": ["780123/3540"],
    "tckn": ["10000000146"],
    "cn-id": ["11010519491231002X"],
    "hkid": ["AB987654(3)"],
    "tw-id": ["A223456781"],
    "nric": ["S9812381D"],
    "rut": ["30.686.957-4"],
    "vin": ["1M8GDM9AXKP042788", "5GZCZ43D13S812715"],
    "bsn": ["111222333"],
    "aba": ["111000025"],
    "npi": ["1234567893"],
    "ahv": ["756.9217.0769.85"],
    "steuer-id": ["86095742719"],
    "nir": ["1 85 05 78 006 084 91"],
    "curp": ["HEGG560427MVZRRL04"],
    "mrz": ["L898902C36UTO7408122F1204159ZE184226B<<<<<10"],
    "bech32": [
        "A12UEL5L",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    ],
    "basic-auth": ["am9lOkdoN2ZqZGszamRr"],
}


@pytest.mark.parametrize(("check", "number"), [(check, one) for check, all_ in PUBLISHED.items() for one in all_])
def test_published_numbers_pass_and_others_do_not(check: str, number: str) -> None:
    assert CHECKS[check](number.encode())
    digits = [i for i, one in enumerate(number) if one.isdigit()]
    if check not in ("vin", "hetu", "basic-auth", "mrz"):
        last = digits[-1]
        wrong = number[:last] + str((int(number[last]) + 1) % 10) + number[last + 1 :]
        assert not CHECKS[check](wrong.encode())


def test_the_checksum_of_a_token_is_its_crc_in_base_62() -> None:
    # The pair is from the forge's own announcement of the format: a CRC32 in base 62, six digits, zeros in front.
    body = b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"
    assert github_checksum(body) == b"0mLq17"
    assert CHECKS["github-crc"](b"ghp_" + body + b"0mLq17") and not CHECKS["github-crc"](b"ghp_" + body + b"0mLq18")


def test_entropy_is_in_bits_a_byte() -> None:
    assert entropy(b"") == 0 and entropy(b"aaaa") == 0
    assert entropy(b"abcd") == pytest.approx(2) and entropy(bytes(range(256))) == pytest.approx(8)


@pytest.mark.parametrize(
    "value", [b"your_token_here", b"xxxxxxxxxxxx", b"AKIAIOSFODNN7EXAMPLE", b"[REDACTED:a]", b"a***b"]
)
def test_samples_are_placeholders(value: bytes) -> None:
    assert is_placeholder(value)


def test_a_random_value_is_no_placeholder_and_known_words_are_dull() -> None:
    assert not is_placeholder(b"9f8Kd7sQz2Lm4Rt6Yx")
    assert is_dull(b"changeme") and is_dull(b"my_secret") and is_dull(b"Password123") and not is_dull(b"Gh7fjdk3jd")


def test_a_path_is_no_key_and_a_name_of_code_no_value() -> None:
    assert not CHECKS["not-path"](b"aws/resources/Service/templates/abcdef12")
    assert not CHECKS["mixed-case"](b"getAccessTokenFromRequest") and CHECKS["mixed-case"](b"aB3dE5gH")
    assert not CHECKS["not-word"](b"parser.next_token.of_kind") and CHECKS["not-word"](b"f83jd92kd83jd9d")
