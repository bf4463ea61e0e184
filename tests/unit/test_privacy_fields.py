"""Names of slots and entities tell what they hold, and only then."""

import pytest

from rasa_qa_plugin.privacy.field_types import FieldTypes, guess
from rasa_qa_plugin.settings import PrivacySettings


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            "NAME",
            """name nombre Nombre NAME person PERSON apellido apellidos firstName
            last_name customerName nombre_cliente cliente-nombre full_name user_name
            username contact_name nombre_completo nombre_del_titular name2""",
        ),
        (
            "PHONE",
            """phone telefono teléfono celular Celular movil móvil contact_phone
            phoneNumber phone-number numero_de_telefono whatsapp mobile telefono2""",
        ),
        ("EMAIL", "email e-mail e_mail correo mail correoElectronico email_address"),
        (
            "ADDRESS",
            "address dirección direccion deliveryAddress direccion_entrega domicilio",
        ),
        (
            "ID",
            """cedula cédula dni DPI nit NIT ruc pasaporte passport_number national_id
            numero_documento customer_id sender_id""",
        ),
        ("ACCOUNT", "cuenta account iban account_number cuenta_bancaria"),
        ("CARD", "tarjeta card creditCard numero_tarjeta card_number"),
        (
            "SECRET",
            """password contraseña clave pin otp cvv token card_pin user_password
            access_token""",
        ),
    ],
)
def test_personal_fields_are_recognized(kind: str, names: str) -> None:
    assert {name: guess(name) for name in names.split()} == dict.fromkeys(
        names.split(), kind
    )


@pytest.mark.parametrize(
    "name",
    [
        "[PHONE]",
        "product_name",
        "port_name",
        "nombre_producto",
        "file_name",
        "action_name",
        "company_name",
        "city",
        "ciudad",
        "country",
        "puerto",
        "order_id",
        "product_id",
        "id",
        "size",
        "quantity",
        "card_type",
        "tipo_documento",
        "account_type",
        "phone_model",
        "phone_verified",
        "people",
        "number_of_people",
        "shopping",
        "unit",
        "unidad",
        "requested_slot",
        "session_started_metadata",
        "qa_consent",
        "qa_feedback",
        "qa_turn",
        "qa_comment",
        "palabra_clave",
        "",
        "123",
        "incoterm",
        "topping",
        "ranking",
    ],
)
def test_other_fields_are_not(name: str) -> None:
    assert guess(name) is None


def test_settings_add_and_exclude() -> None:
    fields = FieldTypes(
        PrivacySettings(
            slots={"quien": "NAME"}, entities={"ref": "ID"}, exclude=["token", "name"]
        )
    )
    assert fields.of_slot("quien") == "NAME"
    assert fields.of_entity("quien") is None
    assert fields.of_entity("ref") == "ID"
    assert fields.of_slot("ref") is None
    assert fields.of_slot("token") is None
    assert fields.of_entity("name") is None
    assert fields.of_slot("phone") == "PHONE"


def test_named_slot_wins_over_exclude() -> None:
    fields = FieldTypes(PrivacySettings(slots={"name": "NAME"}, exclude=["name"]))
    assert fields.of_slot("name") == "NAME"
    assert fields.of_entity("name") is None
