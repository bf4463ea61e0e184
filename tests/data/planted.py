"""Values that no file may hold, each in a sentence that a customer could type.

All people and numbers are invented; check digits are right where a document has one.
"""

from typing import NamedTuple

_SHORT = 6


class Planted(NamedTuple):
    """A value and how it reaches the bot.

    Attributes:
        kind: Names the row in test output.
        value: As typed; its digits alone are looked for as well.
        sentence: What the person types; ``{}`` is the value.
        slot: The slot a form fills with the value; its name says what it is. Empty
            where the recognizers must find the value in the sentence by themselves.
        pieces: What else would betray the person.
    """

    kind: str
    value: str
    sentence: str
    slot: str = ""
    pieces: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What the person types."""
        return self.sentence.format(self.value)


PLANTED: tuple[Planted, ...] = (
    # Telephones: with a cue, a plus sign, or nothing but their shape.
    Planted("phone GT cue", "5512-3489", "mi cel es {}, gracias"),
    Planted("phone GT plus", "+502 4478 9021", "call me at {} please"),
    Planted("phone GT bare", "50241237765", "{}"),
    Planted("phone EC", "0991238847", "llámenme al {} mañana"),
    Planted("phone EC spaced", "098 871 2234", "mi número es {} por si acaso"),
    Planted("phone EC plus", "+593 98 712 6655", "whatsapp {}"),
    Planted("phone EC landline", "04-238-7765", "teléfono de la oficina: {}"),
    Planted("phone US", "(212) 555-0147", "my phone number is {}"),
    Planted("phone US dots", "305.555.0188", "text me at {} after five"),
    Planted("phone MX", "+52 55 4871 2290", "puede escribirme al {}"),
    Planted("phone CO", "310 482 9917", "mi celular en Bogotá es {}"),
    Planted("phone PE", "+51 987 341 226", "el número de mi socio: {}"),
    Planted("phone ES", "612 34 87 65", "mi móvil es el {}"),
    Planted("phone CL", "+56 9 8723 4410", "fono {} de mi señora"),
    # Electronic mail, as typed and as said.
    Planted(
        "e-mail", "ximena.quirola@correo.example", "mi correo es {}",
        pieces=("ximena.quirola", "quirola@correo"),
    ),
    Planted("e-mail local", "Bodega7@servidor.local", "send it to {} today"),
    Planted(
        "e-mail spelled", "tquilumba arroba correo punto example", "escríbame a {}",
        pieces=("tquilumba",),
    ),
    # Cards and accounts.
    Planted("card grouped", "4539 1488 0343 6418", "mi tarjeta es {} y vence en mayo"),
    Planted("card", "5425233430109986", "charge it to {}"),
    Planted("card amex", "3782 822463 10005", "my amex is {}"),
    Planted("IBAN", "ES45 2100 0418 4502 0007 1948", "transfiera a {}"),
    Planted("account", "2209876543", "deposite en la cuenta {}, por favor"),
    Planted("account US", "000123987654", "my bank account number is {}"),
    Planted("CLABE", "032180000118359748", "mi CLABE es {}"),
    # Documents.
    Planted("CUI", "2587 44162 0101", "mi DPI es {}"),
    Planted("CUI bare", "1987623480101", "{}"),
    Planted("NIT", "3482715-3", "factura con NIT {}"),
    Planted("cédula EC", "1712345675", "cédula {} a nombre mío"),
    Planted("RUC", "0923458715001", "emita la factura al RUC {}"),
    Planted("NIF", "48271936L", "mi NIF es el {}"),
    Planted("NIE", "X4827193E", "my NIE is {}"),
    Planted("RUT", "18.472.936-9", "rut {}"),
    Planted("CURP", "QUXX850417MDFRMM08", "mi CURP: {}"),
    Planted("RFC", "QUXX850417KL3", "facturar con RFC {}"),
    Planted("CI Uruguay", "3.847.261-7", "mi cédula uruguaya es {}"),
    Planted("DNI Peru", "45871236", "mi DNI es {}"),
    Planted("CUIT", "20-38471926-1", "CUIT {}"),
    Planted("SSN", "536-90-4399", "my social security number is {}"),
    Planted("passport", "AB7734512", "pasaporte {}"),
    Planted("passport en", "X83920147", "my passport number is {}"),
    # Addresses.
    Planted(
        "address GT", "5a avenida 10-45 zona 10", "mandalo a la {}",
        pieces=("10-45 zona",),
    ),
    Planted(
        "address EC", "Cdla. Kennedy Norte Mz. 14 villa 9", "vivo en {}",
        pieces=("Kennedy Norte",),
    ),
    Planted(
        "address EC street", "Av. Malecón 1204 y Loja", "entregar en {}",
        pieces=("Malecón 1204", "1204 y Loja"),
    ),
    Planted(
        "address ES", "Calle Mayor 45, 3º B", "mi dirección es {}",
        pieces=("Mayor 45",),
    ),
    Planted(
        "address MX", "Av. Insurgentes Sur 1457, Col. Roma", "la entrega es en {}",
        pieces=("Insurgentes Sur",),
    ),
    Planted(
        "address US", "742 Evergreen Terrace, Springfield", "ship it to {}",
        pieces=("742 Evergreen", "Evergreen Terrace"),
    ),
    Planted("PO box", "P.O. Box 44713", "my address is {}", pieces=("Box 44713",)),
    # Names that a cue announces.
    Planted("name es", "Ximena Quirola", "hola, me llamo {}", pieces=("Quirola",)),
    Planted(
        "name es order", "Eulogia Zambonino", "el pedido va a nombre de {}",
        pieces=("Zambonino",),
    ),
    Planted("name en", "Thaddeus Okonjo", "my name is {}", pieces=("Okonjo",)),
    Planted("name en lower case", "winifred abernathy", "hi, i am called {}",
            slot="full_name", pieces=("abernathy",)),
    # What only the slot of a form tells.
    Planted("name in a slot", "wenceslao pumacahua", "{}", slot="nombre",
            pieces=("pumacahua",)),
    Planted("phone in a slot", "44 51 20 9", "es {}", slot="phone_number"),
    Planted("password", "Murcielago!88", "{}", slot="password"),
    Planted("password in a sentence", "tortuga-azul-x", "la clave es {}",
            slot="clave_web"),
    Planted("one-time code", "728193", "me llegó {}", slot="otp"),
    Planted("PIN", "8264", "{}", slot="pin"),
    Planted("card check value", "917", "{}", slot="card_cvv"),
    Planted("account in a slot", "QX-77812-LM", "{}", slot="numero_cuenta"),
    Planted("address in a slot", "frente al parque de los cipreses", "{}",
            slot="direccion_entrega", pieces=("cipreses",)),
)  # fmt: skip

HARMLESS = "¿también compran ajolotes congelados?"
"""Said in every conversation: the words of people who did not agree stay out too."""


def traces(row: Planted) -> tuple[str, ...]:
    """Give what would betray the value: itself, its telling pieces, its bare digits."""
    digits = "".join(filter(str.isdigit, row.value))
    joined = (digits,) if len(digits) > _SHORT else ()
    return tuple(dict.fromkeys((row.value, *row.pieces, *joined)))


def is_short(row: Planted) -> bool:
    """Tell whether the value is so short that any file may hold its digits."""
    return row.value.isdigit() and len(row.value) <= _SHORT
