"""Published check digits: cards, IBANs and identity numbers. Inputs are bare digits."""

import re

_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIF = re.compile(r"([xyz]?)(\d{7,8})([a-z])")
_IBAN_MODULUS = 97

# Length of an IBAN by country (ISO 13616 registry).
_IBAN_LENGTHS = {
    country: int(length)
    for group in (
        "15:no 16:be 18:dk,fi,fo,gl,nl 19:mk,si 20:at,ba,ee,kz,lt,lu,xk",
        "21:ch,cr,hr,li,lv 22:bg,bh,de,ge,gb,ie,me,rs 23:ae,gi,il",
        "24:ad,cz,es,md,pk,ro,sa,se,sk,tn,vg 25:pt 26:is,tr 27:fr,gr,it,mc,mr,sm",
        "28:al,az,cy,do,gt,hu,lb,pl,sv 29:br,ps,qa 30:jo,kw,mu 31:mt",
    )
    for entry in group.split()
    for length, countries in [entry.split(":")]
    for country in countries.split(",")
}


def luhn(digits: str) -> bool:
    """ISO/IEC 7812, as on payment cards."""
    total = 0
    for index, character in enumerate(reversed(digits)):
        digit = int(character)
        if index % 2:
            digit = digit * 2 - 9 * (digit > 4)  # noqa: PLR2004
        total += digit
    return total % 10 == 0


def iban(value: str) -> bool:
    """Length for the country and ISO 7064 mod 97; *value* is lower case, no blanks."""
    if _IBAN_LENGTHS.get(value[:2]) != len(value):
        return False
    rearranged = value[4:] + value[:4]
    number = "".join(str(int(character, 36)) for character in rearranged)
    return int(number) % _IBAN_MODULUS == 1


def ecuador_province(digits: str) -> bool:
    """The first two digits name a province, or people registered abroad."""
    return "01" <= digits[:2] <= "24" or digits[:2] in ("30", "50")


def ecuador_cedula(digits: str) -> bool:
    """Cédula of a natural person: ten digits, mod 10."""
    if len(digits) != 10 or not ecuador_province(digits) or digits[2] > "5":  # noqa: PLR2004
        return False
    return luhn(digits)


def ecuador_ruc(digits: str) -> bool:
    """Form of a RUC; its check digit is not tested, since valid new numbers fail it."""
    return (
        len(digits) == 13  # noqa: PLR2004
        and ecuador_province(digits)
        and digits[2] in "01234569"
        and digits[10:12] == "00"
        and digits[12] != "0"
    )


def guatemala_cui(digits: str) -> bool:
    """CUI on a DPI: mod 11 in the ninth place, then department and municipality."""
    if len(digits) != 13:  # noqa: PLR2004
        return False
    total = sum(int(digits[i]) * (i + 2) for i in range(8))
    return (
        total % 11 == int(digits[8])
        and 1 <= int(digits[9:11]) <= 22  # noqa: PLR2004
        and 1 <= int(digits[11:]) <= 40  # noqa: PLR2004
    )


def guatemala_nit(body: str, verifier: str) -> bool:
    """NIT: mod 11 with K for ten."""
    total = sum(int(digit) * weight for weight, digit in enumerate(reversed(body), 2))
    return "0123456789k"[-total % 11] == verifier


def chile_rut(body: str, verifier: str) -> bool:
    """RUT: mod 11, weights 2 to 7 over and over, K for ten."""
    total = sum(
        int(digit) * (2 + index % 6) for index, digit in enumerate(reversed(body))
    )
    return "0123456789k"[-total % 11] == verifier


def uruguay_ci(digits: str) -> bool:
    """Cédula of Uruguay: seven digits and a mod 10 verifier."""
    if len(digits) != 8:  # noqa: PLR2004
        return False
    total = sum(
        int(digit) * weight
        for digit, weight in zip(digits, (2, 9, 8, 7, 6, 3, 4), strict=False)
    )
    return -total % 10 == int(digits[7])


def spain_nif(value: str) -> bool:
    """NIF or NIE with its letter; *value* is lower case, no hyphen."""
    match = _NIF.fullmatch(value)
    if match is None:
        return False
    prefix, digits, letter = match.groups()
    if prefix:
        digits = str("xyz".index(prefix)) + digits
    return _NIF_LETTERS[int(digits) % 23] == letter.upper()
