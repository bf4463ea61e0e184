# ruff: noqa: ARG002 - rasa_sdk fixes the signatures
"""What the sales desk answers with a little arithmetic or a look-up.

Prices, freight and orders are made up: replace `price_per_pound` and `ORDERS` with your
price list and your order system. Texts live in `domain/sales.yml`.
"""

import re
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker, ValidationAction
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

Events = list[dict[str, Any]]

SPANISH = frozenset(
    "adiós algún atún aún buen buena buenas buenos camarón chao como con cotización "
    "cuál cual cuáles cuando cuándo cuánta cuánto cuanto cómo de del desde dice día "
    "días dónde donde el ella en es esa ese eso esta está estado este esto favor "
    "flete gracias ha hasta hay hola la las le les lo los mi mis muchas muy necesito "
    "nos para pedido pero por porque precio puede pueden puerto puesto que qué "
    "quiero quién se sería si sin sobre son soy su sus sí también talla tengo tiene "
    "tienen un una unos usted ustedes vale y ya yo".split()
)
ENGLISH = frozenset(
    "about afternoon am an and any are at be been bye can could did do does for from "
    "get give good goodbye got has have hello help hey hi how i i'd i'll i'm in is "
    "it its know like many may morning much my need nope of okay on or order our "
    "please price quote send shall ship should size some thank thanks that the their "
    "there these they this to us want was we what what's when where which who why "
    "will with would yeah yes you your".split()
)

# US dollars per pound FOB: a floor, plus a part that falls with the count per pound.
SHRIMP = {"hlso": (1.55, 52.0), "hoso": (1.00, 45.0), "p&d": (2.10, 60.0)}
FISH = {"mahi mahi": 4.10, "tuna": 4.85}
FREIGHT = {"miami": 0.07, "houston": 0.09, "new york": 0.10, "los angeles": 0.12}
FREIGHT_ELSEWHERE = 0.15
INSURANCE = 0.01
WITHOUT_FREIGHT = {"FOB", "EXW"}
MOST_GLAZE = 30
NO_GLAZE = re.compile(r"\b(?:sin|no|without) gla[sz]", re.IGNORECASE)

CONTACT_SLOTS = ("contact_name", "contact_phone", "contact_email", "contact_address")

ORDERS = {
    "SO-1042": {"es": "en tránsito hacia Houston", "en": "in transit to Houston"},
    "SO-2210": {"es": "en producción", "en": "in production"},
    "SO-3177": {"es": "en aduana de destino", "en": "at customs in destination"},
}


def detect_language(text: str) -> str | None:
    """Say "es" or "en" when the function words of *text* tell, else None."""
    words = re.findall(
        r"[^\W\d_]+(?:'[^\W\d_]+)?", text.casefold().replace("\u2019", "'")
    )
    spanish = sum(word in SPANISH for word in words) + sum(c in "¿¡ñ" for c in text)
    english = sum(word in ENGLISH for word in words)
    if spanish == english:
        return None
    return "es" if spanish > english else "en"


def price_per_pound(
    product: str, *, size: str | None, glaze: float, incoterm: str, port: str | None
) -> float | None:
    """Work out an indicative price, or None when product or size is not ours."""
    name = product.casefold()
    if name in FISH:
        price = FISH[name]
    elif name in SHRIMP and (count := average_count(size or "")):
        floor, slope = SHRIMP[name]
        price = floor + slope / count
    else:
        return None
    price *= 1 - glaze / 100  # glaze is ice, and is weighed but not charged
    if incoterm not in WITHOUT_FREIGHT:
        price += FREIGHT.get((port or "").casefold(), FREIGHT_ELSEWHERE)
    if incoterm == "CIF":
        price += INSURANCE
    return round(price, 2)


def average_count(size: str) -> float | None:
    """Turn a size such as "16/20" or "U/15" into pieces per pound."""
    if match := re.search(r"(\d{1,3})[/-](\d{1,3})", size):
        return (int(match[1]) + int(match[2])) / 2 or None
    if match := re.search(r"[uU][/-]?(\d{1,2})", size):
        return int(match[1]) * 0.8 or None
    return None


def glaze_percent(value: Any) -> int:
    """Turn "20" or "20%" into 20; what no glaze can be counts as none."""
    digits = re.search(r"\d+", str(value or ""))
    percent = int(digits[0]) if digits else 0
    return percent if percent <= MOST_GLAZE else 0


class SetLanguage(ValidationAction):
    """Keeps the slot `language` up to date; Rasa runs it on every message."""

    async def required_slots(
        self,
        domain_slots: list[str],
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> list[str]:
        """Look after `language` only; the other slots fill themselves."""
        return ["language"]

    def extract_language(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, str]:
        """Judge what the person typed; a pressed button says nothing about it."""
        text = tracker.latest_message.get("text") or ""
        language = None if text.startswith("/") else detect_language(text)
        return {"language": language} if language else {}

    def validate_language(
        self,
        value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, Any]:
        """Accept the language as found."""
        return {"language": value}


class Quote(Action):
    """Answers with an indicative price, or asks for the one thing that is missing."""

    def name(self) -> str:
        """Give the name used in the domain."""
        return "action_quote"

    async def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Events:
        """Set `quote_given`, so that a rule can ask whether the answer helped."""
        slots: dict[str, Any] = tracker.slots
        product = str(slots.get("product") or "")
        size, port = slots.get("size"), slots.get("port")
        incoterm = str(slots.get("incoterm") or "CFR").upper()
        name = product.casefold()
        missing = None
        if name not in SHRIMP and name not in FISH:
            missing = "utter_ask_product"
        elif name in SHRIMP and not average_count(str(size or "")):
            missing = "utter_ask_size"
        elif not port and incoterm not in WITHOUT_FREIGHT:
            missing = "utter_ask_port"
        if missing:
            dispatcher.utter_message(response=missing)
            return [SlotSet("quote_given", False)]

        text = tracker.latest_message.get("text") or ""
        glaze = glaze_percent("0" if NO_GLAZE.search(text) else slots.get("glaze"))
        price = price_per_pound(
            product, size=size, glaze=glaze, incoterm=incoterm, port=port
        )
        item = f"{product} {size}" if name in SHRIMP else product
        if glaze and slots.get("language") == "en":
            item += f" with {glaze}% glaze"
        elif glaze:
            item += f" con {glaze} % de glaseo"
        place = "Guayaquil" if incoterm in WITHOUT_FREIGHT else port
        dispatcher.utter_message(
            response="utter_quote",
            item=item,
            price=f"{price:.2f}",
            terms=f"{incoterm} {place}",
        )
        return [SlotSet("quote_given", True), SlotSet("glaze", str(glaze))]


class OrderStatus(Action):
    """Answers where an order is, or asks for its number."""

    def name(self) -> str:
        """Give the name used in the domain."""
        return "action_order_status"

    async def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Events:
        """Look the number up among the orders."""
        number = str(tracker.get_slot("order_number") or "").upper()
        language = tracker.get_slot("language") or "es"
        if not number:
            dispatcher.utter_message(response="utter_ask_order_number")
        elif number in ORDERS:
            dispatcher.utter_message(
                response="utter_order_found",
                number=number,
                status=ORDERS[number][language],
            )
        else:
            dispatcher.utter_message(response="utter_order_unknown", number=number)
        return []


class NoteAccount(Action):
    """Notes an account for a refund, or says where payments go."""

    def name(self) -> str:
        """Give the name used in the domain."""
        return "action_note_account"

    async def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Events:
        """Read the account back only when this very message named one."""
        entities = tracker.latest_message.get("entities") or []
        named = any(entity.get("entity") == "account" for entity in entities)
        response = "utter_account_noted" if named else "utter_where_to_pay"
        dispatcher.utter_message(response=response)
        return []


class CloseContact(Action):
    """Ends the taking of contact details, whether they were given or called off."""

    def name(self) -> str:
        """Give the name used in the domain."""
        return "action_close_contact"

    async def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Events:
        """Empty the slots; a real desk hands a complete contact to its CRM first."""
        return [SlotSet(slot, None) for slot in CONTACT_SLOTS]


class ValidateContactForm(FormValidationAction):
    """Refuses telephone numbers and e-mail addresses that cannot be right."""

    def name(self) -> str:
        """Give the name Rasa derives from the form's."""
        return "validate_contact_form"

    def validate_contact_name(
        self,
        value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, Any]:
        """Accept any name."""
        return {"contact_name": str(value).strip()}

    def validate_contact_phone(
        self,
        value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, Any]:
        """Ask again when there are fewer digits than any telephone number has."""
        if match := re.search(r"\+?\d(?:[\s().-]*\d){6,14}", str(value)):
            return {"contact_phone": match[0]}
        dispatcher.utter_message(response="utter_invalid_phone")
        return {"contact_phone": None}

    def validate_contact_email(
        self,
        value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, Any]:
        """Ask again when it does not look like an address."""
        if match := re.search(r"[^\s@]+@[^\s@]+\.\w{2,}", str(value)):
            return {"contact_email": match[0]}
        dispatcher.utter_message(response="utter_invalid_email")
        return {"contact_email": None}

    def validate_contact_address(
        self,
        value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, Any]:
        """Accept any address."""
        return {"contact_address": str(value).strip()}
