"""Do the check digits fit? Numbers of cards, banks and national registers, each by its published rule.

Separators are passed over. A number of one digit throughout, or one that counts up, is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

__all__ = ["NUMBER_CHECKS"]

_IBAN_LENGTHS = dict(
    pair.split(":")
    for pair in (
        "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DK:18 DO:28 "
        "EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 "
        "IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 "
        "NL:18 NO:15 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SC:31 SE:24 SI:19 SK:24 SM:27 ST:25 SV:28 TL:23 "
        "TN:24 TR:26 UA:29 VA:22 VG:24 XK:20"
    ).split()
)
_TEST_CARDS = frozenset((
    "4242424242424242", "4111111111111111", "4012888888881881", "4000056655665556", "5555555555554444",
    "5105105105105100", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
    "3056930009020004", "3566002020360505", "4222222222222", "5200828282828210", "2223003122003222",
    "4000000000000002", "4539148803436467",
))  # fmt: skip
"""Numbers that payment services publish for tests."""
_VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
    "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_MOD23 = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD_OF_CODICE = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "12345678123457923456789" + "0123456789"), strict=True)
)
_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def _clean(value: bytes) -> str:
    return value.decode("latin-1").translate({ord(mark): None for mark in " -./()"}).upper()


def _digits(value: bytes, *counts: int) -> list[int]:
    """Return the digits, none if there is anything else, another number of them, or all are the same or in a row."""
    text = _clean(value)
    if (counts and len(text) not in counts) or not (text.isascii() and text.isdigit()):
        return []
    if len(set(text)) == 1 or text in "01234567890123456789" or text in "98765432109876543210":
        return []
    return list(map(int, text))


def _weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _luhn(digits: Sequence[int]) -> bool:
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return bool(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(value: bytes) -> bool:
    text = _clean(value)
    if _IBAN_LENGTHS.get(text[:2]) != str(len(text)) or len(set(text[4:])) < 4:
        return False
    return int("".join(str(int(one, 36)) for one in text[4:] + text[:4])) % 97 == 1 and text[2:4] not in (
        "00",
        "01",
        "99",
    )


def _card(value: bytes) -> bool:
    """An issuer's range, Luhn's digit, and none of the numbers for tests; four zeros in a row are no customer's."""
    text = _clean(value)
    digits = _digits(value, 15, 16)
    known = text[:1] == "4" or 51 <= int(text[:2] or 0) <= 55 or text[:2] in ("34", "37", "60", "64", "65", "35", "22")
    return known and _luhn(digits) and text not in _TEST_CARDS and "0000" not in text and len(set(text)) > 4


def _ssn(value: bytes) -> bool:
    text = _clean(value)
    area, group, serial = text[:3], text[3:5], text[5:]
    samples = ("123456789", "078051120", "219099999", "987654321", "111223333", "123121234", "555555555")
    return (
        area not in ("000", "666") and area < "900" and group != "00" and serial != "0000" and text not in samples
        and len(set(text)) > 3
    )  # fmt: skip


def _aba(value: bytes) -> bool:
    digits = _digits(value, 9)
    return bool(digits) and _weighted(digits, (3, 7, 1) * 3) % 10 == 0


def _nino(value: bytes) -> bool:
    text = _clean(value)
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "QQ", "AB") and len(set(text[2:8])) > 2


def _nhs(value: bytes) -> bool:
    digits = _digits(value, 10)
    return bool(digits) and (11 - _weighted(digits[:9], range(10, 1, -1)) % 11) % 11 == digits[9]


def _tfn(value: bytes) -> bool:
    digits = _digits(value, 9)
    return bool(digits) and _weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _au_medicare(value: bytes) -> bool:
    digits = _digits(value, 10)
    return bool(digits) and _weighted(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == digits[8]


def _ird(value: bytes) -> bool:
    digits = _digits(value, 8, 9)
    if not digits:
        return False
    padded = [0] * (9 - len(digits)) + digits
    for weights in ((3, 2, 7, 6, 5, 4, 3, 2), (7, 4, 3, 2, 5, 2, 7, 6)):
        rest = -_weighted(padded[:8], weights) % 11
        if rest < 10:
            return rest == padded[8]
    return False


def _verhoeff(value: bytes) -> bool:
    digits = _digits(value, 12)
    check = 0
    for i, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[i % 8][digit])])
    return bool(digits) and check == 0


def _cpf(value: bytes) -> bool:
    digits = _digits(value, 11)
    if not digits:
        return False
    first = _weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == [first, second]


def _nir(value: bytes) -> bool:
    text = _clean(value)
    corsica = {"2A": 1_000_000, "2B": 2_000_000}.get(text[5:7], 0)
    number = text[:13].replace("A", "0").replace("B", "0") if corsica else text[:13]
    return len(text) == 15 and (number + text[13:]).isdigit() and 97 - (int(number) - corsica) % 97 == int(text[13:])


def _steuer_id(value: bytes) -> bool:
    """Eleven digits; of the first ten one or two occur twice or thrice; ISO 7064 MOD 11,10."""
    digits = _digits(value, 11)
    if not digits or len(set(digits[:10])) not in (8, 9):
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[10]


def _dni(value: bytes) -> bool:
    text = _clean(value)
    number = {"X": "0", "Y": "1", "Z": "2"}.get(text[0], text[0]) + text[1:-1]
    return number.isdigit() and len(set(number)) > 2 and number != "12345678" and _MOD23[int(number) % 23] == text[-1]


def _codice_fiscale(value: bytes) -> bool:
    text = _clean(value)
    total = 0
    for i, one in enumerate(text[:15]):
        rank = int(one) if one.isdigit() else ord(one) - 65
        total += rank if i % 2 else _ODD_OF_CODICE[rank]
    return chr(65 + total % 26) == text[15] and 1 <= int(text[9:11]) % 40 <= 31


def _bsn(value: bytes) -> bool:
    digits = _digits(value, 9)
    return bool(digits) and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _be_nn(value: bytes) -> bool:
    text = _clean(value)
    return int(text[9:]) in (97 - int(text[:9]) % 97, 97 - int("2" + text[:9]) % 97)


def _pesel(value: bytes) -> bool:
    digits = _digits(value, 11)
    if not digits or not 1 <= (digits[2] * 10 + digits[3]) % 20 <= 12 or not 1 <= digits[4] * 10 + digits[5] <= 31:
        return False
    return (10 - _weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == digits[10]


def _personnummer(value: bytes) -> bool:
    digits = _digits(value, 10, 12)[-10:]
    return _luhn(digits)


def _hetu(value: bytes) -> bool:
    text = value.decode("latin-1")
    if not _is_date(1900 + int(text[4:6]), int(text[2:4]), int(text[:2])) or not 2 <= int(text[7:10]) <= 899:
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31] == text[10]


def _fnr(value: bytes) -> bool:
    digits = _digits(value, 11)
    if not digits:
        return False
    first = -_weighted(digits[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -_weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return digits[9:] == [first, second]


def _pt_nif(value: bytes) -> bool:
    digits = _digits(value, 9)
    rest = _weighted(digits[:8], range(9, 1, -1)) % 11
    return bool(digits) and digits[8] == (0 if rest < 2 else 11 - rest)


def _ahv(value: bytes) -> bool:
    digits = _digits(value, 13)
    return bool(digits) and -_weighted(digits[:12], (1, 3) * 6) % 10 == digits[12] and digits[3:7] != [1, 2, 3, 4]


def _svnr(value: bytes) -> bool:
    digits = _digits(value, 10)
    return bool(digits) and _weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == digits[3]


def _pps(value: bytes) -> bool:
    text = _clean(value)
    total = _weighted(list(map(int, text[:7])), range(8, 1, -1))
    total += 9 * ("WABCDEFGHI".index(text[8])) if len(text) > 8 else 0
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7] and len(set(text[:7])) > 2


def _rodne_cislo(value: bytes) -> bool:
    """Divisible by eleven; until 1985 a rest of ten was written as zero."""
    text = _clean(value)
    fits = int(text) % 11 == 0 or (int(text[:9]) % 11 == 10 and text[9] == "0")
    return fits and _is_date(1900 + int(text[:2]), int(text[2:4]) % 50, int(text[4:6]))


def _cnp(value: bytes) -> bool:
    digits = _digits(value, 13)
    return bool(digits) and _weighted(digits[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11 % 10 == digits[12]


def _egn(value: bytes) -> bool:
    digits = _digits(value, 10)
    if not digits or not 1 <= (digits[2] * 10 + digits[3]) % 20 <= 12:
        return False
    return _weighted(digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == digits[9]


def _tckn(value: bytes) -> bool:
    digits = _digits(value, 11)
    if not digits:
        return False
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[9:] == [tenth, sum(digits[:10]) % 10]


def _rrn(value: bytes) -> bool:
    digits = _digits(value, 13)
    if not digits or not _is_date(
        1900 + digits[0] * 10 + digits[1], digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]
    ):
        return False
    return (11 - _weighted(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == digits[12]


def _my_number(value: bytes) -> bool:
    digits = _digits(value, 12)
    rest = _weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return bool(digits) and digits[11] == (0 if rest < 2 else 11 - rest)


def _cn_id(value: bytes) -> bool:
    text = _clean(value)
    if not _is_date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        return False
    total = sum(int(one) * (2 ** (17 - i) % 11) for i, one in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17]


def _tw_id(value: bytes) -> bool:
    text = _clean(value)
    letter = _TW_LETTERS.index(text[0]) + 10
    digits = [letter // 10, letter % 10, *map(int, text[1:])]
    return _weighted(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10 == 0 and text[1:] != "123456789"


def _nric(value: bytes) -> bool:
    text = _clean(value)
    total = _weighted(list(map(int, text[1:8])), (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "KLJNPQRTUWX"}.get(text[0], "XWUTRQPNMLK")
    rank = 10 - total % 11 if text[0] == "M" else total % 11
    return letters[rank] == text[8] and len(set(text[1:8])) > 2 and text[1:8] != "1234567"


def _hkid(value: bytes) -> bool:
    text = _clean(value)
    letters = text[:-7]
    ranks = [36] if len(letters) == 1 else []
    ranks += [ord(one) - 55 for one in letters] + [int(one) for one in text[-7:-1]]
    check = 10 if text[-1] == "A" else int(text[-1])
    return (
        (_weighted(ranks, range(9, 1, -1)) + check) % 11 == 0 and len(set(text[-7:-1])) > 2 and text[-7:-1] != "123456"
    )


def _curp(value: bytes) -> bool:
    text = _clean(value)
    alphabet = "0123456789ABCDEFGHIJKLMN.OPQRSTUVWXYZ"
    total = sum(alphabet.index(one) * (18 - i) for i, one in enumerate(text[:17]))
    return str(-total % 10) == text[17]


def _cuit(value: bytes) -> bool:
    digits = _digits(value, 11)
    rest = 11 - _weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return bool(digits) and digits[10] == {11: 0, 10: 9}.get(rest, rest)


def _rut(value: bytes) -> bool:
    text = _clean(value)
    rest = 11 - _weighted([int(one) for one in text[-2::-1]], (2, 3, 4, 5, 6, 7) * 2) % 11
    samples = ("12345678", "11111111", "22222222")
    return {11: "0", 10: "K"}.get(rest, str(rest)) == text[-1] and text[:-1] not in samples


def _vin(value: bytes) -> bool:
    text = _clean(value)
    total = _weighted([_VIN_VALUES[one] for one in text], (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2))
    return "0123456789X"[total % 11] == text[8] and len(set(text)) > 5


def _mrz(value: bytes) -> bool:
    """The check digits of number, birth and expiry in the second line of ICAO 9303's passport."""
    line = value.split()[-1]
    return all(_mrz_digit(line[a:b]) == line[b] - 48 for a, b in ((0, 9), (13, 19), (21, 27)))


def _mrz_digit(part: bytes) -> int:
    ranks = [0 if one == 60 else one - 48 if one < 58 else one - 55 for one in part]
    return sum(rank * (7, 3, 1)[i % 3] for i, rank in enumerate(ranks)) % 10


NUMBER_CHECKS: Mapping[str, Callable[[bytes], bool]] = {
    "iban": _iban, "card": _card, "ssn": _ssn, "aba": _aba, "nino": _nino, "nhs": _nhs, "tfn": _tfn,
    "luhn": lambda value: _luhn(_digits(value)),
    "npi": lambda value: _luhn([8, 0, 8, 4, 0, *_digits(value, 10)]) and bool(_digits(value, 10)),
    "au-medicare": _au_medicare, "ird": _ird, "verhoeff": _verhoeff, "cpf": _cpf, "nir": _nir, "steuer-id": _steuer_id,
    "dni": _dni, "codice-fiscale": _codice_fiscale, "bsn": _bsn, "be-nn": _be_nn, "pesel": _pesel,
    "personnummer": _personnummer, "hetu": _hetu, "fnr": _fnr, "pt-nif": _pt_nif, "ahv": _ahv, "svnr": _svnr,
    "pps": _pps, "rodne-cislo": _rodne_cislo, "cnp": _cnp, "egn": _egn, "tckn": _tckn, "rrn": _rrn,
    "my-number": _my_number, "cn-id": _cn_id, "tw-id": _tw_id, "nric": _nric, "hkid": _hkid, "curp": _curp,
    "cuit": _cuit, "rut": _rut, "vin": _vin, "mrz": _mrz,
}  # fmt: skip
