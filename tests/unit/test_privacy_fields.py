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
            username contact_name nombre_completo nombre_del_titular name2
            customer_full_name account_holder cardHolder titular_cuenta razon_social
            nombre_y_apellido apellido_paterno passenger_name per nombresApellidos
            contact_person recipient billing_name""",
        ),
        (
            "PHONE",
            """phone telefono teléfono celular Celular movil móvil contact_phone
            phoneNumber phone-number numero_de_telefono whatsapp mobile telefono2
            userPhone telefonocliente fono telefono_1 company_phone caller_id
            phone_number_id""",
        ),
        (
            "EMAIL",
            """email e-mail e_mail correo mail correoElectronico correo-electronico
            email_address useremail email_de_contacto""",
        ),
        (
            "ADDRESS",
            """address dirección direccion deliveryAddress direccion_entrega domicilio
            address_line_1 codigo_postal zip_code street house_number latitude""",
        ),
        (
            "ID",
            """cedula cédula dni DPI nit NIT ruc pasaporte passport_number national_id
            numero_documento customer_id sender_id nro_cedula NITCliente curp ssn
            licencia_de_conducir driver_license placa documento""",
        ),
        ("ACCOUNT", "cuenta account iban account_number cuenta_bancaria clabe cbu"),
        ("CARD", "tarjeta card creditCard numero_tarjeta card_number"),
        (
            "SECRET",
            """password contraseña clave pin otp cvv token card_pin user_password
            access_token pinCode codigo_de_verificacion security_code api_key
            one_time_password clave_acceso NIP""",
        ),
        ("IP", "ip ip_address direccion_ip"),
        (
            "OTHER",
            """fecha_nacimiento fecha_de_nacimiento birth_date date_of_birth dob
            cumpleaños contact contacto contact_info""",
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
        "intent_name",
        "hotel_name",
        "nombre_empresa",
        "vessel_name",
        "nombre_del_buque",
        "address_type",
        "address_country",
        "pin_color",
        "pin_attempts",
        "mail_sent",
        "email_subject",
        "token_count",
        "price_per_unit",
        "price_per_person",
        "precio_por_persona",
        "contact_method",
        "clave_producto",
        "documento_embarque",
        "passport_expiry_date",
        "phone_country_code",
        "promo_code",
        "microphone",
        "smartphone",
        "dashboard",
        "passenger",
        "boarding_pass",
        "birthday_discount",
        "order_date",
        "age",
        "customer",
        "cliente",
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
