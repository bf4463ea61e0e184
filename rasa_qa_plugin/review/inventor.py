"""Invented values: right in kind, form and language, and nobody's wherever that can be.

Kept for examples and fiction, so that they reach nobody: telephone numbers of North
America ending in 555-01xx (NANP), mail and web addresses at ``example.org`` and
``example.com`` (RFC 2606), IP addresses (RFC 5737). Identity numbers are never valid:
Social Security numbers begin with 666, which is not assigned, and the numbers of
Guatemala and Ecuador have a wrong check digit. Cards begin like the test cards that
payment providers publish; account numbers name a bank of random letters.

We know of no telephone numbers for fiction in Guatemala and Ecuador: what is invented
there is a mobile number at random, and somebody may have it. Names and addresses are
put together at random too.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from rasa_qa_plugin.privacy.recognizers import check_digits as check

if TYPE_CHECKING:
    from faker import Faker

Language = Literal["es", "en"]

_LOCALES: Final[dict[Language, str]] = {"es": "es_MX", "en": "en_US"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TEST_CARDS = ("424242", "555555")
_CARD_DIGITS = 16
_EXAMPLE_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_DOMAINS = ("example.org", "example.com")


class Inventor:
    """Invents values of one language; one seed gives one value.

    Another release of Faker may give another value for the same seed.
    """

    def __init__(self, language: Language) -> None:
        """Load Faker, which takes a third of a second."""
        from faker import Faker

        self._recipes = _RECIPES[language]
        self._fake = Faker(_LOCALES[language])

    def value(self, entity_type: str, *, seed: int) -> str:
        """Give a value of *entity_type*; a type without its own form gets a code."""
        self._fake.seed_instance(seed)
        return self._recipes.get(entity_type, _code)(self._fake)


def _phone_es(fake: "Faker") -> str:
    """Mobile numbers of Guatemala and Ecuador."""
    return _filled(
        fake,
        "5@##-####", "4@## ####", "+502 3@## ####", "+502 5@##-####",
        "099@######", "098@######", "099 @## ####", "+593 98 @## ####",
    )  # fmt: skip


def _phone_en(fake: "Faker") -> str:
    area = fake.random.choice(("202", "212", "305", "312", "415", "617", "713", "786"))
    return _filled(
        fake, f"{area}-555-01##", f"{area} 555 01##", f"+1 {area} 555 01##"
    )  # fmt: skip


def _filled(fake: "Faker", *forms: str) -> str:
    """Fill one of *forms*: ``#`` is any digit, ``@`` any but zero."""
    return "".join(
        str(fake.random.randint(sign == "@", 9)) if sign in "#@" else sign
        for sign in fake.random.choice(forms)
    )


def _email(fake: "Faker") -> str:
    return f"{fake.user_name()}@{fake.random.choice(_DOMAINS)}"


def _card(fake: "Faker") -> str:
    start = fake.random.choice(_TEST_CARDS)
    body = _filled(fake, start + "#" * (_CARD_DIGITS - len(start) - 1))
    digits = next(body + last for last in "0123456789" if check.luhn(body + last))
    return _grouped(fake, digits)


def _account_es(fake: "Faker") -> str:
    return _grouped(fake, _iban("GT", _bank(fake) + _filled(fake, "0101" + "#" * 16)))


def _account_en(fake: "Faker") -> str:
    return _grouped(fake, _iban("GB", _bank(fake) + _filled(fake, "#" * 14)))


def _bank(fake: "Faker") -> str:
    return "".join(fake.random.choices(_LETTERS, k=4))


def _iban(country: str, account: str) -> str:
    """Put in the check digits of ISO 13616."""
    valid = (f"{country}{number:02}{account}" for number in range(2, 99))
    return next(iban for iban in valid if check.iban(iban.lower()))


def _grouped(fake: "Faker", value: str) -> str:
    """Write *value* in fours, or in one piece."""
    if _coin(fake):
        return value
    return " ".join(value[at : at + 4] for at in range(0, len(value), 4))


def _coin(fake: "Faker") -> bool:
    return bool(fake.random.getrandbits(1))


def _id_es(fake: "Faker") -> str:
    return _cui(fake) if _coin(fake) else _cedula(fake)


def _cui(fake: "Faker") -> str:
    """Form of a Guatemalan CUI with a check digit that does not fit."""
    digits = _filled(fake, "@########0@0@")
    while check.guatemala_cui(digits):
        digits = _next_check_digit(digits, 8)
    return f"{digits[:4]} {digits[4:9]} {digits[9:]}"


def _cedula(fake: "Faker") -> str:
    """Form of an Ecuadorian cédula with a check digit that does not fit."""
    digits = _filled(fake, "0@5#######", "0@2#######")
    while check.ecuador_cedula(digits):
        digits = _next_check_digit(digits, 9)
    return digits


def _next_check_digit(digits: str, at: int) -> str:
    return f"{digits[:at]}{(int(digits[at]) + 1) % 10}{digits[at + 1 :]}"


def _id_en(fake: "Faker") -> str:
    return _filled(fake, "666-@#-####")


def _address_es(fake: "Faker") -> str:
    """One line as written in Guatemala or Ecuador."""
    return _filled(
        fake,
        "1# calle @-@# zona 1@", "@ calle 1@-@# zona @", "@a avenida @-@# zona 1@",
        f"Av. {fake.last_name()} @## y {fake.last_name()}",
        f"Cdla. {fake.last_name()} Mz. @# villa @#",
    )  # fmt: skip


def _address_en(fake: "Faker") -> str:
    return _filled(
        fake,
        f"@## {fake.street_name()}",
        f"1@## {fake.street_name()}, {fake.city()}",
        f"@# {fake.street_name()}, Apt @#",
    )


def _name(fake: "Faker") -> str:
    first = fake.first_name()
    return first if _coin(fake) else f"{first} {fake.last_name()}"


def _secret(fake: "Faker") -> str:
    return fake.password(length=10, special_chars=False)


def _ip(fake: "Faker") -> str:
    network = fake.random.choice(_EXAMPLE_NETWORKS)
    return f"{network}.{fake.random.randint(1, 254)}"


def _url(fake: "Faker") -> str:
    return f"https://{fake.random.choice(_DOMAINS)}/{fake.slug()}"


def _code(fake: "Faker") -> str:
    return f"{_bank(fake)}-{_filled(fake, '@####')}"


_Recipe = Callable[["Faker"], str]
_BOTH: Final[dict[str, _Recipe]] = {
    "CARD": _card,
    "EMAIL": _email,
    "IP": _ip,
    "NAME": _name,
    "SECRET": _secret,
    "URL": _url,
}
_RECIPES: Final[dict[Language, dict[str, _Recipe]]] = {
    "es": {
        **_BOTH,
        "ACCOUNT": _account_es,
        "ADDRESS": _address_es,
        "ID": _id_es,
        "PHONE": _phone_es,
    },
    "en": {
        **_BOTH,
        "ACCOUNT": _account_en,
        "ADDRESS": _address_en,
        "ID": _id_en,
        "PHONE": _phone_en,
    },
}
