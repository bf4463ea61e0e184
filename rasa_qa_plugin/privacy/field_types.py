"""What a slot or an entity holds, told by its name."""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Final

from rasa_qa_plugin.privacy.passage import TOKEN, word_table
from rasa_qa_plugin.settings import PrivacySettings

# Lower case, without accents; names are cut into such words first.
_WORDS: Final = {
    "SECRET": """
        password passwort passwd passcode pwd contrasena contrasenia clave pin otp cvv
        cvc cvv2 token secret secreto apikey""",
    "EMAIL": "email emails mail correo correos emailaddress correoelectronico",
    "PHONE": """
        phone phones telefono telefonos telephone tel tlf celular cel movil mobile
        cell cellphone whatsapp fax phonenumber phoneno mobilenumber numerotelefono""",
    "ID": """
        cedula ced dni dpi cui nit ruc rut curp rfc cpf cuit cuil nie nif rtn ssn
        pasaporte passport identificacion identidad documento taxid nationalid""",
    "CARD": "tarjeta card creditcard cardnumber numerotarjeta",
    "ACCOUNT": """
        cuenta account iban clabe cbu cci accountnumber bankaccount numerocuenta""",
    "ADDRESS": """
        address direccion domicilio street calle addressline homeaddress
        deliveryaddress shippingaddress""",
    "NAME": """
        person per persona apellido apellidos surname lastname firstname fullname
        middlename username nickname customername clientname nombrecliente
        nombrecompleto""",
}
# In this order: "email_address" is an e-mail, "card_pin" a secret.
_TYPE_OF: Final = {
    word: kind for kind, words in _WORDS.items() for word in words.split()
}
_RANK: Final = {kind: rank for rank, kind in enumerate(_WORDS)}

_NAME_NOUNS: Final = frozenset(word_table("name names nombre nombres"))
# With these, a name is a person's; "product_name" and "port_name" are not.
_PERSONS: Final = frozenset(
    word_table("""
        first last full middle given family second maiden legal real display
        complete completo completa primer primero segundo user usuario customer
        client cliente contact contacto person persona people owner dueno titular
        holder beneficiary beneficiario recipient receiver destinatario sender
        remitente buyer comprador seller vendedor guest huesped passenger pasajero
        patient paciente employee empleado student estudiante driver conductor
        doctor caller member miembro manager lead visitor visitante child hijo hija
        son daughter mother madre father padre parent spouse esposo esposa partner
        friend amigo applicant solicitante payer payee human therapist my mi your tu
        su of de del la el the y and apellido apellidos slot value text
    """)
)
# An id of one of these points at a person as surely as a name.
_ID_OWNERS: Final = frozenset(
    word_table("""
        national nacional tax fiscal citizen ciudadano government voter personal
        user usuario customer client cliente patient paciente sender chat wa
        whatsapp from recipient psid employee empleado contact contacto
    """)
)
# These say something about the value and are not the value.
_ABOUT: Final = frozenset(
    word_table("""
        type types tipo model modelo brand marca status estado count cantidad total
        valid verified validado verificado confirmed confirmado required needed
        requested asked ask known has have tiene is was retries attempts intentos
        error format formato label lang language idioma provider proveedor app plan
        balance saldo limit limite action template page pagina palabra keyword
        expiry
    """)
)

_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(2048)
def guess(name: str) -> str | None:
    """Give the type that a field of this *name* holds, or None.

    Case, accents, underscores and camelCase do not matter: ``customerName``,
    ``nombre_cliente`` and ``NOMBRE`` are names, ``product_name`` is not.
    """
    if TOKEN.search(name):
        return None  # a masked key is no name
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", name)
        if not unicodedata.combining(character)
    )
    words = [word.lower() for word in _PART.findall(bare)]
    parts = set(words)
    if not parts or not _ABOUT.isdisjoint(parts):
        return None
    kinds = {_TYPE_OF[word] for word in words if word in _TYPE_OF}
    if ("e", "mail") in pairwise(words):
        kinds.add("EMAIL")
    if "id" in parts and not _ID_OWNERS.isdisjoint(parts):
        kinds.add("ID")
    if _names_person(words, parts):
        kinds.add("NAME")
    return min(kinds, key=_RANK.__getitem__, default=None)


def _names_person(words: list[str], parts: set[str]) -> bool:
    rest = parts - _NAME_NOUNS
    return rest != parts and all(
        word in _PERSONS or word.isdigit() for word in rest if len(words) > 1
    )


class FieldTypes:
    """Types of slots and entities: what the settings say, else what the name says."""

    def __init__(self, settings: PrivacySettings) -> None:
        """Take ``privacy.slots``, ``privacy.entities`` and ``privacy.exclude``."""
        self._slots = dict(settings.slots)
        self._entities = dict(settings.entities)
        self._exclude = frozenset(settings.exclude)

    def of_slot(self, name: str) -> str | None:
        """Give the type of a slot."""
        return self._slots.get(name) or self.of_key(name)

    def of_entity(self, name: str) -> str | None:
        """Give the type of an entity."""
        return self._entities.get(name) or self.of_key(name)

    def of_key(self, name: str) -> str | None:
        """Give the type of a key in a nested value."""
        return None if name in self._exclude else guess(name)
