"""What a slot or an entity holds, told by its name."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from rasa_qa_plugin.privacy.passage import TOKEN, word_table
from rasa_qa_plugin.settings import PrivacySettings

# Lower case, without accents; names are cut into such words first. In this order:
# "email_address" is an e-mail, "card_pin" a secret.
_WORDS: Final = {
    "SECRET": """
        password passwort passwd passcode passphrase pwd contrasena contrasenia clave
        claves pin nip otp totp cvv cvc cvv2 csc token secret secreto secreta apikey jwt
        credential credentials credencial credenciales""",
    "EMAIL": """
        email emails mail mails correo correos emailaddress correoelectronico""",
    "PHONE": """
        phone phones telefono telefonos telephone tel tels telf tlf tlfn celular
        celulares cel movil moviles mobile cell cellphone whatsapp wasap wsp fax fono
        fonos msisdn phonenumber phoneno mobilenumber numerotelefono""",
    "ID": """
        cedula cedulas ced dni dpi cui nit ruc rut curp rfc cpf cuit cuil nie nif rtn
        ssn nss ine pasaporte pasaportes passport passports identificacion identidad
        documento taxid nationalid userid customerid placa""",
    "CARD": "tarjeta tarjetas card creditcard debitcard cardnumber numerotarjeta",
    "ACCOUNT": """
        cuenta cuentas account iban clabe cbu cci accountnumber bankaccount numerocuenta
        wallet""",
    "IP": "ip ipaddress ipv4 ipv6",
    "ADDRESS": """
        address addresses direccion direcciones domicilio street calle addressline
        homeaddress deliveryaddress shippingaddress zip zipcode postcode postal
        latitude longitude latitud longitud lat lng lon coordinates coordenadas gps
        geolocation geolocalizacion""",
    "NAME": """
        apellido apellidos surname surnames lastname firstname fullname middlename
        username nickname nick apodo customername clientname nombrecliente
        nombrecompleto titular cardholder accountholder tarjetahabiente usuario
        login""",
    "OTHER": "dob birthdate birthday dateofbirth fechanacimiento cumpleanos",
}
# Only alone, or beside words that say whose it is: "price_per_person" is a price.
_ALONE: Final = {
    "SECRET": "pass",
    "NAME": """
        person persons per persona personas alias beneficiary beneficiario recipient
        receiver destinatario remitente""",
    "OTHER": "contact contacto nacimiento",
}
_PAIRS: Final = {
    ("e", "mail"): "EMAIL",
    ("security", "code"): "SECRET",
    ("codigo", "seguridad"): "SECRET",
    ("codigo", "verificacion"): "SECRET",
    ("verification", "code"): "SECRET",
    ("auth", "code"): "SECRET",
    ("authorization", "code"): "SECRET",
    ("one", "time"): "SECRET",
    ("security", "answer"): "SECRET",
    ("respuesta", "secreta"): "SECRET",
    ("api", "key"): "SECRET",
    ("access", "key"): "SECRET",
    ("private", "key"): "SECRET",
    ("document", "number"): "ID",
    ("identity", "card"): "ID",
    ("identity", "number"): "ID",
    ("license", "number"): "ID",
    ("licence", "number"): "ID",
    ("driver", "license"): "ID",
    ("drivers", "license"): "ID",
    ("driving", "licence"): "ID",
    ("licencia", "conducir"): "ID",
    ("caller", "id"): "PHONE",
    ("license", "plate"): "ID",
    ("plate", "number"): "ID",
    ("social", "security"): "ID",
    ("seguridad", "social"): "ID",
    ("mac", "address"): "OTHER",
    ("contact", "person"): "NAME",
    ("persona", "contacto"): "NAME",
    ("house", "number"): "ADDRESS",
    ("numero", "casa"): "ADDRESS",
    ("apartment", "number"): "ADDRESS",
    ("razon", "social"): "NAME",
    ("birth", "date"): "OTHER",
    ("birth", "day"): "OTHER",
    ("date", "birth"): "OTHER",
    ("fecha", "nacimiento"): "OTHER",
    ("contact", "info"): "OTHER",
    ("contact", "details"): "OTHER",
    ("datos", "contacto"): "OTHER",
}
# These tell even where words run together: "telefonocliente", "useremail".
_STEMS: Final = {
    "contrasena": "SECRET",
    "password": "SECRET",
    "email": "EMAIL",
    "telefono": "PHONE",
    "celular": "PHONE",
    "whatsapp": "PHONE",
    "phonenumber": "PHONE",
    "cedula": "ID",
    "passport": "ID",
    "pasaporte": "ID",
    "domicilio": "ADDRESS",
    "apellido": "NAME",
}
_TYPE_OF: Final = {
    word: kind for kind, words in _WORDS.items() for word in words.split()
}
_TYPE_ALONE: Final = {
    word: kind for kind, words in _ALONE.items() for word in words.split()
}
_RANK: Final = {kind: rank for rank, kind in enumerate(_WORDS)}

_NAME_NOUNS: Final = frozenset(word_table("name names nombre nombres"))
# With these, a name is a person's; "product_name" and "port_name" are not.
_PERSONS: Final = frozenset(
    word_table("""
        first last full middle given family second maiden legal real display profile
        complete completo completa completos primer primero segundo user usuario
        customer client cliente clientes contact contacto person persona people owner
        dueno titular holder beneficiary beneficiario recipient receiver destinatario
        sender remitente buyer comprador seller vendedor guest huesped passenger
        pasajero patient paciente employee empleado student estudiante driver conductor
        doctor caller member miembro manager lead visitor visitante child hijo hija son
        daughter mother madre father padre parent spouse esposo esposa partner friend
        amigo applicant solicitante payer payee human therapist representante
        representative emergency emergencia perfil billing facturacion factura shipping
        delivery entrega account cuenta card tarjeta my mi your tu su of de del la el
        the and y on apellido apellidos slot value valor text texto input entity
    """)
)
# Of an account or a card, these are the person.
_HOLDERS: Final = frozenset(word_table("holder titular"))
_HELD: Final = frozenset(("ACCOUNT", "CARD", "NAME"))
# They say whose, or that there is a number, and nothing of what it is.
_FILLERS: Final = frozenset(
    word_table("""
        my mi your tu su de del la el the of user usuario number numero nro num no slot
        value valor text texto input name nombre person persona emergency emergencia
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
        type types tipo tipos kind model modelo brand marca status estado count
        cantidad total valid verified validado verificado confirmed confirmado required
        needed requested asked ask known has have tiene is was sent enviado enviada
        retries attempts intentos error format formato label title titulo image imagen
        icon lang language idioma provider proveedor operador carrier app os version
        plan balance saldo limit limite length action template subject asunto page
        pagina palabra keyword expiry expiration vencimiento expires date fecha color
        colour size country pais prefix prefijo method metodo preferred preferido
        channel canal enabled disabled allowed permitido opt optin subscribed consent
        prompt question pregunta message mensaje form button exists found
        changed updated index discount descuento promo coupon url
        link enlace
    """)
)
# A key or a paper of one of these is the business's own.
_THINGS: Final = frozenset(
    word_table("""
        product producto productos articulo item order orden pedido shipment embarque
        envio transporte exportacion importacion container contenedor vessel barco
        buque file archivo foreign primary sort
    """)
)
_OF_THINGS: Final = frozenset(word_table("clave claves documento placa cuenta"))

_REMEMBERED: Final = 2048
_PREPOSITIONS: Final = frozenset(word_table("de del la el of the"))
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(_REMEMBERED)
def guess(name: str) -> str | None:
    """Give the type that a field of this *name* holds, or None.

    Case, accents, underscores and camelCase do not matter: ``customerName``,
    ``nombre_cliente`` and ``NOMBRE`` are names, ``product_name`` is not. Nor are
    companies (``company_name``), cities and countries: alone they point at nobody.
    Postal codes, coordinates and dates of birth do, beside little else.
    """
    if TOKEN.search(name):
        return None  # a masked key is no name
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", name)
        if not unicodedata.combining(character)
    )
    words = [word.lower() for word in _PART.findall(bare)]
    pairs = {_PAIRS[pair] for pair in _neighbours(words) if pair in _PAIRS}
    if "OTHER" in pairs:
        return "OTHER"  # "birth_date", although a date is mostly about something
    parts = set(words)
    if not parts or not _ABOUT.isdisjoint(parts):
        return None
    if _names_person(words, parts):
        return "NAME"
    if pairs:
        return min(pairs, key=_RANK.__getitem__)
    kinds = {kind for word in words if (kind := _word_type(word, parts))}
    if kinds <= _HELD and not _HOLDERS.isdisjoint(parts):
        kinds = {"NAME"}
    if "id" in parts and not _ID_OWNERS.isdisjoint(parts):
        kinds.add("ID")
    for word in parts & _TYPE_ALONE.keys():
        if all(other in _FILLERS or other.isdigit() for other in parts - {word}):
            kinds.add(_TYPE_ALONE[word])
    return min(kinds, key=_RANK.__getitem__, default=None)


def _neighbours(words: list[str]) -> Iterator[tuple[str, str]]:
    """Give words that stand together, prepositions apart."""
    return pairwise(word for word in words if word not in _PREPOSITIONS)


def _word_type(word: str, parts: set[str]) -> str | None:
    if word in _OF_THINGS and not _THINGS.isdisjoint(parts):
        return None
    kind = _TYPE_OF.get(word)
    if kind is None:
        kind = next(
            (
                stem_kind
                for stem, stem_kind in _STEMS.items()
                if word.startswith(stem) or word.endswith(stem)
            ),
            None,
        )
    return kind


def _names_person(words: list[str], parts: set[str]) -> bool:
    rest = parts - _NAME_NOUNS
    return rest != parts and all(
        word in _PERSONS or word.isdigit() for word in rest if len(words) > 1
    )


class FieldTypes:
    """Types of slots and entities: what the settings say, else what the name says.

    Attributes:
        of_entity: Gives the type of an entity by its name, remembered.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        """Take ``privacy.slots``, ``privacy.entities`` and ``privacy.exclude``."""
        self._slots = dict(settings.slots)
        self._entities = dict(settings.entities)
        self._exclude = frozenset(settings.exclude)
        # Each entity is asked for three times.
        self.of_entity = lru_cache(_REMEMBERED)(self._of_entity)

    def of_slot(self, name: str) -> str | None:
        """Give the type of a slot."""
        return self._slots.get(name) or self.of_key(name)

    def _of_entity(self, name: str) -> str | None:
        return self._entities.get(name) or self.of_key(name)

    def of_key(self, name: str) -> str | None:
        """Give the type of a key in a nested value."""
        return None if name in self._exclude else guess(name)
