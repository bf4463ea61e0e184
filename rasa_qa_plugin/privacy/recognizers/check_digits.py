"""Published check digits of cards, accounts and identity numbers.

Inputs are compact: digits, lower-case letters, no separators. Every function names the
publication of its rule. All of them read a bounded number of characters.
"""

import re

_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIF = re.compile(r"([xyz]?)(\d{7,8})([a-z])")
_CURP_ALPHABET = "0123456789abcdefghijklmnñopqrstuvwxyz"
_RFC_ALPHABET = "0123456789abcdefghijklmn&opqrstuvwxyz ñ"
_ELEVEN = "0123456789k"

# Length of an IBAN by country.
_IBAN_LENGTHS = {
    country: int(length)
    for group in (
        "15:no 16:be 18:dk,fi,fk,fo,gl,nl,sd 19:mk,si 20:at,ba,ee,kz,lt,lu,mn,xk",
        "21:ch,hr,li,lv 22:bg,bh,cr,de,gb,ge,ie,me,rs,va 23:ae,gi,il,iq,om,so,tl",
        "24:ad,cz,es,md,pk,ro,sa,se,sk,tn,vg 25:ly,pt,st 26:is,tr",
        "27:bi,dj,fr,gr,it,mc,mr,sm 28:al,az,by,cy,do,gt,hn,hu,lb,ni,pl,sv",
        "29:br,eg,ps,qa,ua 30:jo,kw,mu,ye 31:mt,sc 32:lc 33:ru",
    )
    for entry in group.split()
    for length, countries in [entry.split(":")]
    for country in countries.split(",")
}


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(
        int(digit) * weight for digit, weight in zip(digits, weights, strict=True)
    )


def luhn(digits: str) -> bool:
    """Payment cards: ISO/IEC 7812-1, annex B."""
    total = 0
    for index, character in enumerate(reversed(digits)):
        digit = int(character)
        if index % 2:
            digit = digit * 2 - 9 * (digit > 4)  # noqa: PLR2004
        total += digit
    return total % 10 == 0


def iban_length(country: str) -> int | None:
    """Give the length of a country's IBANs: registry of SWIFT (ISO 13616-2)."""
    return _IBAN_LENGTHS.get(country)


def iban(value: str) -> bool:
    """IBAN: length for the country, then MOD 97-10 of ISO/IEC 7064 (ISO 13616-1)."""
    if _IBAN_LENGTHS.get(value[:2]) != len(value):
        return False
    number = "".join(str(int(c, 36)) for c in value[4:] + value[:4])
    return int(number) % 97 == 1


def mexico_clabe(digits: str) -> bool:
    """CLABE: 18 digits, weights 3-7-1 mod 10 (Asociación de Bancos de México)."""
    if len(digits) != 18:  # noqa: PLR2004
        return False
    total = sum(
        int(digit) * (3, 7, 1)[index % 3] % 10
        for index, digit in enumerate(digits[:17])
    )
    return -total % 10 == int(digits[17])


def argentina_cbu(digits: str) -> bool:
    """CBU: blocks of 8 and 14 digits, weights 3-1-7-9 from the right, mod 10.

    Banco Central de la República Argentina, Comunicación "A" 2622.
    """
    if len(digits) != 22:  # noqa: PLR2004
        return False
    for block in (digits[:8], digits[8:]):
        total = sum(
            int(digit) * (3, 1, 7, 9)[index % 4]
            for index, digit in enumerate(reversed(block[:-1]))
        )
        if -total % 10 != int(block[-1]):
            return False
    return True


def ecuador_province(digits: str) -> bool:
    """Tell whether two digits name a province (24), or 30 and 50: registered abroad."""
    return "01" <= digits[:2] <= "24" or digits[:2] in ("30", "50")


def ecuador_cedula(digits: str) -> bool:
    """Cédula of a person: ten digits, third below 6, "módulo 10" (Registro Civil).

    The rule is Luhn's; python-stdnum describes it as ``ec.ci``.
    """
    if len(digits) != 10 or not ecuador_province(digits) or digits[2] > "5":  # noqa: PLR2004
        return False
    return luhn(digits)


def ecuador_ruc_form(digits: str) -> bool:
    """Form of a RUC: province, kind of taxpayer, number of the establishment (SRI)."""
    return (
        len(digits) == 13  # noqa: PLR2004
        and ecuador_province(digits)
        and digits[2] in "01234569"
        and digits[10:12] == "00"
        and digits[12] != "0"
    )


def ecuador_ruc(digits: str) -> bool:
    """RUC with a check digit by the rule of the SRI: módulo 10 or 11 by third digit.

    Valid numbers given out since about 2021 fail it (python-stdnum, issues 290, 497):
    it makes a number surer, it never rules one out.
    """
    if not ecuador_ruc_form(digits):
        return False
    if digits[2] < "6":
        return ecuador_cedula(digits[:10])
    if digits[2] == "6":
        return _weighted(digits[:9], (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    return _weighted(digits[:10], (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def guatemala_cui(digits: str) -> bool:
    """CUI on a DPI: mod 11 in the ninth place, then department and municipality.

    Composition: Decreto 90-2005, Ley del RENAP; the weights 2 to 9 are described by
    community validators (nationid), as RENAP prints none.
    """
    if len(digits) != 13:  # noqa: PLR2004
        return False
    return (
        _weighted(digits[:8], tuple(range(2, 10))) % 11 == int(digits[8])
        and 1 <= int(digits[9:11]) <= 22  # noqa: PLR2004
        and 1 <= int(digits[11:]) <= 40  # noqa: PLR2004
    )


def guatemala_nit(value: str) -> bool:
    """NIT: mod 11, weights from 2 upwards, K for ten (SAT; python-stdnum gt.nit)."""
    total = sum(
        int(digit) * weight for weight, digit in enumerate(reversed(value[:-1]), 2)
    )
    return _ELEVEN[-total % 11] == value[-1]


def chile_rut(value: str) -> bool:
    """RUT: mod 11, weights 2 to 7 in turn, K for ten (SII; python-stdnum cl.rut)."""
    total = sum(
        int(digit) * (2 + index % 6) for index, digit in enumerate(reversed(value[:-1]))
    )
    return _ELEVEN[-total % 11] == value[-1]


def uruguay_ci(digits: str) -> bool:
    """Cédula of Uruguay: weights 2987634, mod 10 (DNIC; python-stdnum uy.cedula)."""
    if len(digits) != 8:  # noqa: PLR2004
        return False
    return -_weighted(digits[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(digits[7])


def argentina_cuit(digits: str) -> bool:
    """CUIT or CUIL: mod 11, weights 5432765432 (AFIP, RG 10/1997; python-stdnum)."""
    if len(digits) != 11:  # noqa: PLR2004
        return False
    return _weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def peru_ruc(digits: str) -> bool:
    """RUC of Peru: kinds 10, 15 to 17, 20; mod 11, weights 5432765432 (SUNAT)."""
    if len(digits) != 11 or digits[:2] not in ("10", "15", "16", "17", "20"):  # noqa: PLR2004
        return False
    rest = _weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (11 - rest) % 10 == int(digits[10])


def colombia_nit(digits: str) -> bool:
    """NIT of Colombia: mod 11 over primes (DIAN, Orden Administrativa 4 of 1989)."""
    primes = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
    body = digits[-2::-1]
    rest = sum(int(d) * p for d, p in zip(body, primes, strict=False)) % 11
    return (rest if rest < 2 else 11 - rest) == int(digits[-1])  # noqa: PLR2004


def spain_nif(value: str) -> bool:
    """NIF or NIE: letter number mod 23 (Real Decreto 1553/2005; INT/2058/2008)."""
    match = _NIF.fullmatch(value)
    if match is None:
        return False
    prefix, digits, letter = match.groups()
    if prefix:
        digits = str("xyz".index(prefix)) + digits
    return _NIF_LETTERS[int(digits) % 23] == letter.upper()


def spain_nuss(digits: str) -> bool:
    """Social security number of Spain: province, eight digits, rest by 97 (TGSS)."""
    if len(digits) != 12:  # noqa: PLR2004
        return False
    number = digits[3:10] if digits[2] == "0" else digits[2:10]
    return int(digits[:2] + number) % 97 == int(digits[10:])


def mexico_curp(value: str) -> bool:
    """CURP: weights 18 to 2, mod 10 (Instructivo Normativo, DOF 18 October 2021)."""
    total = sum(
        _CURP_ALPHABET.index(character) * (18 - index)
        for index, character in enumerate(value[:17])
    )
    return str(-total % 10) == value[17]


def mexico_rfc(value: str) -> bool:
    """RFC: weights 13 to 2, mod 11, A for ten (SAT, folio 0610100135506 of 2006)."""
    padded = value.rjust(13)
    total = sum(
        _RFC_ALPHABET.index(character) * (13 - index)
        for index, character in enumerate(padded[:12])
    )
    return "0123456789a"[-total % 11] == padded[12]
