"""Masked events: nothing personal left, nothing else changed."""

import copy
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import WITHHELD, Event, EventMasker
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.settings import PrivacySettings

SETTINGS = PrivacySettings(slots={"quien": "NAME"}, exclude=["mail"])
ENGINE = PrivacyEngine(SETTINGS)
PHONE = "0991234567"
CLEAN = "quiero ver el catálogo"


def new_masker() -> EventMasker:
    return EventMasker(ENGINE, SETTINGS)


def entity(name: str, value: Any, text: str = "", **more: Any) -> Event:
    start = text.index(value) if text else 0
    return {
        "entity": name,
        "start": start,
        "end": start + len(str(value)),
        "value": value,
        "extractor": "RegexEntityExtractor",
        **more,
    }


def user(text: str, *entities: Event, **more: Any) -> Event:
    words = text.split(" ")
    starts = [sum(len(w) + 1 for w in words[:i]) for i in range(len(words))]
    return {
        "event": "user",
        "timestamp": 1700000000.5,
        "metadata": {"model_id": "0123456789abcdef0123456789abcdef"},
        "text": text,
        "parse_data": {
            "intent": {"name": "inform", "confidence": 0.98},
            "entities": list(entities),
            "text": text,
            "message_id": "wamid.HBgMNTkzOTkxMjM0NTY3",
            "metadata": {},
            "text_tokens": [
                (s, s + len(w)) for s, w in zip(starts, words, strict=True)
            ],
            "intent_ranking": [{"name": "inform", "confidence": 0.98}],
            "response_selector": {
                "all_retrieval_intents": ["faq"],
                "faq": {
                    "response": {
                        "responses": [{"text": "Hola"}],
                        "confidence": 0.9,
                        "intent_response_key": "faq/hola",
                        "utter_action": "utter_faq/hola",
                    },
                    "ranking": [{"confidence": 0.9, "intent_response_key": "faq/hola"}],
                },
            },
            "qa": {"intent": "inform", "confidence": 0.98, "fell_back": False},
        },
        "input_channel": "rest",
        "message_id": "wamid.HBgMNTkzOTkxMjM0NTY3",
        **more,
    }


def slot(name: str, value: Any) -> Event:
    return {"event": "slot", "timestamp": 1.0, "name": name, "value": value}


def bot(text: str, **data: Any) -> Event:
    return {
        "event": "bot",
        "timestamp": 2.0,
        "text": text,
        "data": {"buttons": None, "custom": None, **data},
        "metadata": {"utter_action": "utter_greet"},
    }


def mask(*events: Event, tokens: TokenMap | None = None) -> list[Event]:
    masker = new_masker()
    forms = masker.mask_all(events, tokens if tokens is not None else TokenMap())
    assert masker.failures == 0
    return forms


def test_user_message_is_masked_in_every_field() -> None:
    text = f"mi celular es {PHONE} gracias"
    event = user(text, entity("phone", PHONE, text, additional_info={"v": PHONE}))
    [form] = mask(event)
    assert PHONE not in json.dumps(form)
    assert form["text"] == form["parse_data"]["text"] == "mi celular es [PHONE] gracias"
    found = form["parse_data"]["entities"][0]
    assert form["text"][found["start"] : found["end"]] == found["value"] == "[PHONE]"
    assert [form["text"][s:e] for s, e in form["parse_data"]["text_tokens"]] == [
        "mi",
        "celular",
        "es",
        "[PHONE]",
        "gracias",
    ]


def test_message_without_personal_data_only_loses_its_id() -> None:
    event = user(CLEAN)
    [form] = mask(event)
    form["message_id"] = event["message_id"]
    form["parse_data"]["message_id"] = event["parse_data"]["message_id"]
    assert form == event


def test_intents_and_numbers_of_the_model_are_kept() -> None:
    event = user(f"tel {PHONE}")
    [form] = mask(event)
    for key in ("intent", "intent_ranking", "response_selector", "qa"):
        assert form["parse_data"][key] == event["parse_data"][key]
    assert form["timestamp"] == event["timestamp"]
    assert form["metadata"] == event["metadata"]
    assert form["input_channel"] == "rest"


def test_message_id_becomes_a_short_stable_reference() -> None:
    first, second = mask(user("a"), user("b"))
    assert first["message_id"] == second["message_id"] != user("a")["message_id"]
    assert first["message_id"] == first["parse_data"]["message_id"]
    assert len(first["message_id"]) == 16
    [other] = mask(user("a", message_id="wamid.other"))
    assert other["message_id"] != first["message_id"]


def test_same_value_gets_the_same_token_everywhere() -> None:
    text = "me llamo Ana Luna, tel 099 123 4567"
    forms = mask(
        user(text),
        slot("phone", PHONE),
        slot("nombre", "ana luna"),
        bot(f"Gracias Ana, anoté {PHONE} y 0987654321"),
        slot("otro_telefono", "0987654321"),
    )
    assert forms[0]["text"] == "me llamo [NAME], tel [PHONE]"
    assert [forms[1]["value"], forms[2]["value"]] == ["[PHONE]", "[NAME]"]
    assert forms[3]["text"] == "Gracias [NAME], anoté [PHONE] y [PHONE_2]"
    assert forms[4]["value"] == "[PHONE_2]"


def test_later_slot_teaches_what_the_message_held() -> None:
    forms = mask(user("ana luna"), slot("name", "ana luna"))
    assert forms[0]["text"] == forms[0]["parse_data"]["text"] == "[NAME]"


def test_later_detection_teaches_what_an_earlier_message_held() -> None:
    forms = mask(user("luz mar"), user("me llamo luz mar"))
    assert [form["text"] for form in forms] == ["[NAME]", "me llamo [NAME]"]


def test_name_of_a_slot_says_more_than_the_look_of_its_value() -> None:
    forms = mask(user(PHONE), slot("cedula", PHONE))
    assert [forms[0]["text"], forms[1]["value"]] == ["[ID]", "[ID]"]


def test_what_surrounds_a_known_value_is_masked_in_one_go() -> None:
    tokens = TokenMap()
    tokens.learn("NAME", "Ana")
    forms = mask(user("pedido Ana 5512-3456"), tokens=tokens)
    assert forms[0]["text"] == "pedido [NAME] [PHONE]"
    assert mask(*forms, tokens=tokens) == forms


def test_tokens_live_on_in_later_batches() -> None:
    tokens = TokenMap()
    mask(slot("name", "Ana Luna"), tokens=tokens)
    again = TokenMap.from_bytes(tokens.to_bytes())
    assert mask(bot("Adiós, Ana Luna"), tokens=again)[0]["text"] == "Adiós, [NAME]"


def test_common_word_in_a_name_slot_does_not_wipe_the_conversation() -> None:
    forms = mask(user("no quiero, hola"), slot("name", "no"), slot("nombre", "Hola"))
    assert [form["value"] for form in forms[1:]] == ["[NAME]", "[NAME_2]"]
    assert forms[0]["text"] == "no quiero, hola"


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("password", "hunter22", "[SECRET]"),
        ("quien", "yo mismo", "[NAME]"),
        ("phone", 991234567, "[PHONE]"),
        ("phone", [PHONE, "0987654321"], ["[PHONE]", "[PHONE_2]"]),
        ("email", None, None),
        ("phone_ok", True, True),
        ("cliente_datos", {"name": "Ana", "size": "16/20"}, {"name": "[NAME]"}),
        ("notes", ["a", {"b": f"tel {PHONE}"}], ["a", {"b": "tel [PHONE]"}]),
        ("amount", 991234567, "[PHONE]"),
        ("amount", 20000, 20000),
        ("amount", 0.5, 0.5),
        ("agreed", False, False),
        ("size", "16/20", "16/20"),
        ("mail", "sent", "sent"),
        ("requested_slot", "phone", "phone"),
        ("qa_consent", "granted", "granted"),
        ("session_started_metadata", {"wa": "593991234567"}, {"wa": "[PHONE]"}),
    ],
)
def test_slot_is_masked_by_name_and_by_content(
    name: str, value: Any, masked: Any
) -> None:
    [form] = mask(slot(name, value))
    assert form["name"] == name
    if isinstance(masked, dict) and "size" in value:
        masked = {**masked, "size": "16/20"}
    assert form["value"] == masked


def test_feedback_keeps_its_turn_and_rating() -> None:
    value = {"turn": "0123456789012345", "rating": "down", "comment": f"tel {PHONE}"}
    [form] = mask(slot("qa_feedback", value))
    assert form["value"] == {**value, "comment": "tel [PHONE]"}


@pytest.mark.parametrize(
    "text",
    [
        '/inform{"phone": "0991234567", "qty": 20, "ok": true}',
        '/inform{"phone":991234567}',
        '/inform@0.9{"note": "me llamo \\"Ana\\" \\u00d1", "email": "a@example.org"}',
        '/inform{"name": ["Ana", "Eva"], "deep": {"x": "tel 0991234567"}}',
        '/inform{"0991234567": 1}',
        '  /inform{"phone": "0991234567"} tel 0987654321',
    ],
)
def test_payload_stays_valid_json_and_holds_nothing_personal(text: str) -> None:
    [form] = mask(user(text))
    masked = form["text"]
    assert masked.startswith(text[: text.index("{")])
    values = json.loads(masked[masked.index("{") : masked.rindex("}") + 1])
    assert len(values) == len(json.loads(text[text.index("{") : text.rindex("}") + 1]))
    for raw in ("0991234567", "991234567", "0987654321", "Ana", "Eva", "@example"):
        assert raw not in masked


def test_payload_without_personal_data_is_not_rewritten() -> None:
    text = '/inform{"size":  "16/20","qa_turn":"0123456789012345"}'
    assert mask(user(text))[0]["text"] == text


def test_entities_of_a_payload_are_masked_by_their_own_values() -> None:
    text = '/inform{"phone": "0991234567", "city": "Quito"}'
    start, end = text.index("{"), len(text)
    given_ = [
        {"entity": name, "start": start, "end": end, "value": value}
        for name, value in (("phone", PHONE), ("city", "Quito"))
    ]
    [form] = mask(user(text, *given_))
    entities = form["parse_data"]["entities"]
    assert [found["value"] for found in entities] == ["[PHONE]", "Quito"]
    assert {form["text"][f["start"] : f["end"]] for f in entities} == {
        '{"phone": "[PHONE]", "city": "Quito"}'
    }


def test_typed_command_cannot_hide_a_value_in_an_intent_name() -> None:
    event = user(f"/llamar {PHONE}")
    event["parse_data"]["intent"]["name"] = f"llamar {PHONE}"
    event["parse_data"]["intent_ranking"][0]["name"] = f"llamar {PHONE}"
    assert PHONE not in json.dumps(mask(event))


def test_entity_with_a_personal_name_is_masked_in_the_text() -> None:
    text = "es para luz mar, 20 cajas"
    event = user(text, entity("person", "luz mar", text), entity("qty", "20", text))
    [form] = mask(event)
    assert form["text"] == "es para [NAME], 20 cajas"
    first, second = form["parse_data"]["entities"]
    assert form["text"][first["start"] : first["end"]] == first["value"] == "[NAME]"
    assert form["text"][second["start"] : second["end"]] == second["value"] == "20"


def test_entity_that_touches_a_value_reads_the_token() -> None:
    text = f"anote {PHONE} 20 cajas"
    event = user(text, entity("number", "0991", text), entity("qty", "20", text))
    [form] = mask(event)
    assert [e["value"] for e in form["parse_data"]["entities"]] == ["[PHONE]", "20"]


def test_entities_event_follows_the_message_before_it() -> None:
    text = f"anote {PHONE} 20 cajas"
    found = [entity("phone", PHONE, text), entity("qty", "20", text)]
    later = {"event": "entities", "timestamp": 1.0, "entities": copy.deepcopy(found)}
    message, form = mask(user(text, *found), later)
    assert form["entities"] == message["parse_data"]["entities"]


def test_offsets_in_a_withheld_message_are_not_moved_by_an_earlier_one() -> None:
    found = entity("qty", "20", f"{PHONE} 20")
    later = {"event": "entities", "timestamp": 1.0, "entities": [found]}
    masker = new_masker()
    broken = user("/x" + '{"a":' * 20_000 + "1" + "}" * 20_000)
    forms = masker.mask_all([user(PHONE), broken, later], TokenMap())
    assert masker.failures == 1
    assert forms[2] == later


@pytest.mark.parametrize(
    "event",
    [
        bot(f"su número es {PHONE}"),
        bot("ok", buttons=[{"title": PHONE, "payload": f'/x{{"n": "{PHONE}"}}'}]),
        bot("ok", custom={"blocks": [{"text": f"tel {PHONE}"}]}),
        bot("ok", quick_replies=[{"title": PHONE}], attachment={"url": f"/x/{PHONE}"}),
        bot("ok", custom={PHONE: 1}),
        {**bot("ok"), "metadata": {"to": PHONE}},
        user(CLEAN, metadata={"profile": {"name": "Ana Luna", "wa_id": PHONE}}),
        user(CLEAN, metadata={"from": 593991234567}),
        user(CLEAN, input_channel=f"chat {PHONE}"),
        {"event": "session_started", "timestamp": 1.0, "metadata": {"x": PHONE}},
        {"event": "agent", "timestamp": 1.0, "text": PHONE, "data": {"x": PHONE}},
        {"event": "action", "timestamp": 1.0, "name": None, "action_text": PHONE},
        {
            "event": "reminder",
            "timestamp": 1.0,
            "intent": "x",
            "date_time": "2024-05-12T10:30:00",
            "entities": [entity("phone", PHONE)],
            "name": f"call {PHONE}",
            "kill_on_user_msg": True,
        },
        {
            "event": "cancel_reminder",
            "timestamp": 1.0,
            "intent": "x",
            "entities": {"phone": PHONE},
            "name": PHONE,
        },
        {"event": "of_the_future", "timestamp": 1.0, "deep": [{"x": PHONE}]},
        {
            "event": "slot",
            "name": "x",
            "value": 1,
            "timestamp": 1.0,
            "metadata": [PHONE],
        },
    ],
)
def test_every_event_type_is_masked(event: Event) -> None:
    [form] = mask(event)
    text = json.dumps(form)
    for raw in (PHONE, "991234567", "Ana Luna"):
        assert raw not in text
    assert list(form) == list(event)
    assert form["event"] == event["event"]
    assert form["timestamp"] == event["timestamp"]


def test_the_name_that_rasa_gives_a_reminder_is_no_number() -> None:
    name = "4e82bfa9-307c-4702-9448-e3950067d08b"
    reminder = {"event": "reminder", "timestamp": 1.0, "intent": "x", "name": name}

    assert mask(reminder) == [reminder]


def test_names_of_the_bot_are_kept() -> None:
    events = [
        {"event": "action", "timestamp": 1.0, "name": "action_listen", "policy": "p_1"},
        {"event": "active_loop", "timestamp": 1.0, "name": "phone_form"},
        {"event": "followup", "timestamp": 1.0, "name": "utter_name"},
        bot("ok", custom={"type": "card", "card": {"name": "hero", "title": "HLSO"}}),
        {"event": "restart", "timestamp": 1.0},
    ]
    assert mask(*events) == events


def test_what_cannot_be_masked_is_withheld_and_counted() -> None:
    masker = new_masker()
    event = slot("thing", object())
    [form, after] = masker.mask_all([event, slot("size", "16/20")], TokenMap())
    assert form == {**event, "value": WITHHELD}
    assert after["value"] == "16/20"
    assert masker.failures == 1


def test_value_too_deep_to_read_is_withheld() -> None:
    deep: Any = PHONE
    for _ in range(5000):
        deep = [deep]
    masker = new_masker()
    form = masker.mask(slot("thing", deep), TokenMap())
    assert form["value"] == WITHHELD
    assert masker.failures == 1


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": None},
        {"event": "user"},
        {"event": "user", "text": None, "parse_data": None},
        {"event": "user", "text": 5, "parse_data": {"entities": "x", "intent": "y"}},
        {"event": "user", "text": "a", "parse_data": {"entities": [1, {"entity": 2}]}},
        {"event": "slot"},
        {"event": "bot", "text": None, "data": None, "metadata": None},
        {"event": "entities", "entities": None},
    ],
)
def test_odd_events_never_raise(event: Event) -> None:
    masker = new_masker()
    assert isinstance(masker.mask(event, TokenMap()), dict)
    assert isinstance(masker.withhold(event), dict)


def test_one_text_can_be_masked_without_a_conversation() -> None:
    assert new_masker().mask_text(f"tel {PHONE}") == "tel [PHONE]"


def test_allowed_term_is_kept_although_a_slot_holds_it() -> None:
    settings = PrivacySettings(allow=["Doña Luz"])
    masker = EventMasker(PrivacyEngine(settings), settings)
    forms = masker.mask_all(
        [slot("name", "Doña Luz"), bot("Marca DOÑA LUZ")], TokenMap()
    )
    assert forms[1]["text"] == "Marca DOÑA LUZ"
    assert forms[0]["value"] == "[NAME]"


PIECES = (
    "hola|me llamo|Ana Luna|ana luna|Luna|tel|0991234567|099 123 4567|20 cajas|16/20|"
    "vivo en|Calle Mar 12|ana@example.org|[PHONE]|[NAME_2]|cédula|1712345675|y|,|"
    '/inform{"phone": "0991234567"}|{|}|12345|no'
).split("|")
texts = st.lists(st.sampled_from(PIECES), max_size=7).map(" ".join)
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats(0, 1)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("name", "phone", "x", "0991234567")), inner),
    ),
    max_leaves=6,
)


@st.composite
def messages(draw: st.DrawFn) -> Event:
    text = draw(texts)
    found = []
    for name in draw(st.lists(st.sampled_from(("phone", "person", "qty")), max_size=2)):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        found.append({"entity": name, "start": start, "end": end})
        found[-1]["value"] = text[start:end]
    return user(text, *found)


events = st.lists(
    st.one_of(
        messages(),
        st.builds(slot, st.sampled_from(("name", "phone", "size", "notes")), values),
        st.builds(bot, texts),
        st.builds(lambda custom: bot("ok", custom=custom), values),
    ),
    max_size=5,
)


@given(events)
def test_masking_twice_changes_nothing(batch: list[Event]) -> None:
    tokens = TokenMap()
    once = mask(*batch, tokens=tokens)
    assert mask(*once, tokens=tokens) == once


@given(events)
def test_masked_events_stay_masked_in_another_conversation(batch: list[Event]) -> None:
    once = mask(*batch)
    texts_once = [form.get("text") for form in once]
    assert [form.get("text") for form in mask(*once)] == texts_once


@given(events)
def test_events_are_not_changed_and_not_counted_differently(batch: list[Event]) -> None:
    before = copy.deepcopy(batch)
    forms = mask(*batch)
    assert batch == before
    assert [form["event"] for form in forms] == [event["event"] for event in batch]


@given(events)
def test_no_known_value_is_left_anywhere(batch: list[Event]) -> None:
    left = json.dumps(mask(*batch), ensure_ascii=False)
    for raw in ("0991234567", "099 123 4567", "ana@example.org", "1712345675"):
        assert raw not in left


def test_what_rasa_writes_into_metadata_costs_a_clean_message_no_copy() -> None:
    metadata = {
        "model_id": "0123456789abcdef0123456789abcdef",
        "assistant_id": "20260101-101500-calm-harbor",
    }
    event = user("quiero ver el catálogo", metadata=metadata)
    event["message_id"] = event["parse_data"]["message_id"] = uuid.uuid4().hex
    event["parse_data"]["response_selector"] = {}
    assert new_masker().mask(event, TokenMap()) is event


@pytest.mark.parametrize("name", ["model_id", "assistant_id", "utter_action"])
def test_number_in_the_place_of_a_name_is_masked(name: str) -> None:
    event = user("hola", metadata={name: "tel-0991234567"})
    assert "0991234567" not in json.dumps(new_masker().mask(event, TokenMap()))
    assert "0991234567" not in json.dumps(new_masker().withhold(event))
