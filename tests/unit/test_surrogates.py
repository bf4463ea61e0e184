"""Invented values stand for tokens outside our tables, and nowhere else."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.passage import TOKEN
from rasa_qa_plugin.privacy.recognizers import check_digits as check
from rasa_qa_plugin.review.formats import rasa_nlu
from rasa_qa_plugin.review.inventor import Inventor
from rasa_qa_plugin.review.items import Entity, Item, tidy
from rasa_qa_plugin.review.merging import plan_merge
from rasa_qa_plugin.review.rasa_syntax import read_examples
from rasa_qa_plugin.review.surrogates import Surrogates, language_of, restored
from rasa_qa_plugin.settings import PrivacySettings
from tests.conftest import Events
from tests.unit.test_cli import NLU, call, folder

__all__ = ["folder"]

TYPES = (
    "PHONE EMAIL CARD ACCOUNT ID ADDRESS NAME SECRET IP URL OTHER".split()
)  # fmt: skip
CUES = {
    "es": {
        "PHONE": "llamen al {}", "EMAIL": "escriban a {}", "CARD": "pago con {}",
        "ACCOUNT": "depositen en {}",
    },
    "en": {
        "PHONE": "call me at {}", "EMAIL": "write to {}", "CARD": "i pay with {}",
        "ACCOUNT": "send it to {}",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def surrogates() -> Surrogates:
    return Surrogates()


def item(text: str, *entities: Entity, turn_id: str = "t-1") -> Item:
    return Item(turn_id=turn_id, text=text, intent="greet", entities=entities)


def invented(result: Item) -> dict[str, str]:
    return dict(result.surrogates)


def test_every_token_gets_a_value_and_entities_move_along(
    surrogates: Surrogates,
) -> None:
    masked = item(
        "soy [NAME], llamen al [PHONE] hoy",
        Entity(4, 10, "name"),
        Entity(22, 29, "tel", value="[PHONE]"),
        Entity(30, 33, "when", value="today"),
    )
    result = surrogates.applied(masked)
    values = invented(result)
    assert result.text == f"soy {values['[NAME]']}, llamen al {values['[PHONE]']} hoy"
    assert [
        (result.text[one.start : one.end], one.entity, one.value)
        for one in result.entities
    ] == [
        (values["[NAME]"], "name", None),
        (values["[PHONE]"], "tel", None),
        ("hoy", "when", "today"),
    ]


def test_a_text_without_tokens_stays_as_it_is(surrogates: Surrogates) -> None:
    plain = item("quiero [dos] cajas [PHONE_X] [WITHHELD]", Entity(7, 12, "n"))
    assert surrogates.applied(plain) == plain


def test_one_token_has_one_value_and_two_tokens_have_two(
    surrogates: Surrogates,
) -> None:
    result = surrogates.applied(item("[NAME] y [NAME_2] o [NAME]: [PHONE_2] [PHONE]"))
    values = invented(result)
    assert len(set(values.values())) == len(values) == 4
    assert result.text.count(values["[NAME]"]) == 2


def test_a_turn_keeps_its_values_and_another_has_others() -> None:
    text = "soy [NAME] [PHONE] [EMAIL]"
    first, again = (Surrogates().applied(item(text)) for _ in range(2))
    other = Surrogates().applied(item(text, turn_id="t-2"))
    assert first == again
    assert not set(first.surrogates) & set(other.surrogates)
    edited = Surrogates().applied(item("mi correo: [EMAIL], gracias"))
    assert invented(edited)["[EMAIL]"] == invented(first)["[EMAIL]"]


def test_values_are_the_same_in_every_process() -> None:
    code = (
        "from rasa_qa_plugin.review.inventor import Inventor\n"
        f"print([Inventor(one).value(kind, seed=7) "
        f"for one in ('es', 'en') for kind in {TYPES}])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("my name is [NAME]", "en"),
        ("me llamo [NAME]", "es"),
        ("¿cuál es el número? [PHONE]", "es"),
        ("call [PHONE] please", "en"),
        ("[PHONE] [NAME]", "es"),
    ],
)
def test_the_language_is_read_from_the_small_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_values_speak_the_language_of_the_text(surrogates: Surrogates) -> None:
    english = invented(surrogates.applied(item("call me at [PHONE], this is my [ID]")))
    spanish = invented(surrogates.applied(item("llamen al [PHONE], es mi [ADDRESS]")))
    assert re.search(r"555[ -]?01\d\d$", english["[PHONE]"])
    assert english["[ID]"].startswith("666-")
    assert re.fullmatch(r"\d{4}[ -]\d{4}|\+50[27].*|\+593.*|09.*", spanish["[PHONE]"])
    assert re.match(r"\d+a? (calle|avenida)|Av\.|Cdla\.", spanish["[ADDRESS]"])


@pytest.mark.parametrize("language", ["es", "en"])
def test_values_that_can_be_nobodys_are(language: str) -> None:
    inventor = Inventor("es" if language == "es" else "en")
    for seed in range(200):
        kind = {name: inventor.value(name, seed=seed) for name in TYPES}
        digits = re.sub(r"\D", "", kind["ID"])
        assert not check.guatemala_cui(digits)
        assert not check.ecuador_cedula(digits)
        assert not check.ecuador_ruc(digits)
        assert check.luhn(kind["CARD"].replace(" ", ""))
        assert check.iban(kind["ACCOUNT"].replace(" ", "").lower())
        assert re.search(r"@example\.(org|com)$", kind["EMAIL"])
        assert re.match(r"https://example\.(org|com)/", kind["URL"])
        assert kind["IP"].startswith(("192.0.2.", "198.51.100.", "203.0.113."))


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("kind", ["PHONE", "EMAIL", "CARD", "ACCOUNT"])
def test_values_are_found_as_what_they_stand_for(language: str, kind: str) -> None:
    engine = PrivacyEngine(PrivacySettings())
    inventor = Inventor("es" if language == "es" else "en")
    for seed in range(100):
        text = CUES[language][kind].format(inventor.value(kind, seed=seed))
        (span,) = engine.find(text)
        assert span.entity_type == kind
        assert text[: span.start] == CUES[language][kind].format("")
        assert span.end == len(text)


PIECES = st.sampled_from(
    [
        *"ab 7+-.@,]([{é\n", "hola ", " 555 ", "Ana", "[X]",
        *(f"[{kind}]" for kind in TYPES),
        *(f"[{kind}_{number}]" for kind in TYPES for number in (2, 30)),
    ]
)  # fmt: skip


@st.composite
def masked_items(draw: st.DrawFn) -> Item:
    text = "".join(draw(st.lists(PIECES, max_size=12)))
    entities = []
    for _ in range(draw(st.integers(0, 3)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        for found in TOKEN.finditer(text):  # a model marks whole tokens
            start = found.start() if found.start() < start < found.end() else start
            end = found.end() if found.start() < end < found.end() else end
        value = draw(st.sampled_from([None, "three", "[PHONE]", "el [NAME_2]"]))
        entities.append(Entity(start, end, draw(st.sampled_from("pq")), value=value))
    turn_id = draw(st.sampled_from(["t-1", "t-2"]))
    return tidy(item(text, *entities, turn_id=turn_id))


@settings(max_examples=300, deadline=None)
@given(drawn=masked_items())
def test_going_out_and_coming_back_changes_nothing(
    surrogates: Surrogates, drawn: Item
) -> None:
    gone = surrogates.applied(drawn)
    left = {one for one in TOKEN.findall(drawn.text) if one not in invented(gone)}
    assert left == set()
    back, widened = restored(gone, masked=drawn.text)
    assert back == drawn
    assert not widened


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(masked_items(), min_size=1, max_size=3))
def test_the_file_carries_what_the_way_back_needs(
    surrogates: Surrogates, drawn: list[Item]
) -> None:
    numbered = [
        msgspec.structs.replace(one, turn_id=f"t-{number}")
        for number, one in enumerate(drawn)
        if one.text
    ]
    text = rasa_nlu.dump([surrogates.applied(one) for one in numbered])
    loaded = rasa_nlu.load(text, file="f.yml")
    assert [
        restored(one, masked=sent.text).item
        for one, sent in zip(loaded, numbered, strict=True)
    ] == numbered


def test_marks_on_an_edited_text_land_where_they_were_meant(
    surrogates: Surrogates,
) -> None:
    masked = "soy [NAME], llamen al [PHONE]"
    gone = surrogates.applied(item(masked))
    name, phone = invented(gone)["[NAME]"], invented(gone)["[PHONE]"]
    text = f"Buenas, soy {name}; mi tel{phone} de Lima"
    marks = [
        Entity(text.index(part), text.index(part) + len(part), kind)
        for part, kind in ((name, "name"), (phone, "tel"), ("Lima", "city"))
    ]
    edited = msgspec.structs.replace(gone, text=text, entities=tuple(marks))
    back, widened = restored(edited, masked=masked)
    assert back.text == "Buenas, soy [NAME]; mi tel[PHONE] de Lima"
    assert [back.text[one.start : one.end] for one in back.entities] == [
        "[NAME]", "[PHONE]", "Lima",
    ]  # fmt: skip
    assert not widened


def test_a_mark_on_half_a_value_covers_the_token_and_says_so(
    surrogates: Surrogates,
) -> None:
    masked = "vivo en la [ADDRESS]"
    gone = surrogates.applied(item(masked))
    half = msgspec.structs.replace(
        gone, entities=(Entity(len(gone.text) - 2, len(gone.text), "city"),)
    )
    back, widened = restored(half, masked=masked)
    assert back.entities == (Entity(11, 20, "city"),)
    assert widened


def test_a_value_inside_a_longer_word_is_not_one() -> None:
    edited = msgspec.structs.replace(
        item("Ana y Anabel, 12 y 123"), surrogates=(("[NAME]", "Ana"), ("[ID]", "12"))
    )
    back = restored(edited, masked="[NAME]").item
    assert back.text == "[NAME] y Anabel, [ID] y 123"


@pytest.mark.parametrize("line", ['{"[NAME]": ""}', '{"Ana": "x"}', "[a]", "Ana"])
def test_a_spoiled_list_of_surrogates_is_refused(
    surrogates: Surrogates, line: str
) -> None:
    text = rasa_nlu.dump([surrogates.applied(item("soy [NAME]"))])
    spoiled = re.sub("surrogates: .*", f"surrogates: {line}", text)
    with pytest.raises(AnnotationError, match="surrogates in the metadata"):
        rasa_nlu.load(spoiled, file="f.yml")


def test_a_hostile_text_of_tokens_comes_back(surrogates: Surrogates) -> None:
    text = " ".join(f"[IP_{number}]" for number in range(1, 2200))
    gone = surrogates.applied(item(text))
    back = restored(gone, masked=text).item
    assert back.text == text
    assert 300 < len(gone.surrogates) < 800, "no value twice; the rest stay tokens"


def test_corrections_are_compared_without_their_surrogates(
    tmp_path: Path, surrogates: Surrogates
) -> None:
    file = tmp_path / "nlu.yml"
    file.write_text(NLU, "utf-8")
    plan = plan_merge(
        [
            item("llamen al [PHONE]", turn_id="a"),
            item("Llamen al [PHONE]!", turn_id="b"),
            item("soy [NAME]", turn_id="c"),
            msgspec.structs.replace(item("soy [NAME]", turn_id="d"), intent="price"),
        ],
        data=file,
        domain_intents={"greet", "price"},
        wording=surrogates.applied,
    )
    (added,) = plan.added
    assert added.item.turn_id == "a"
    assert TOKEN.search(added.line) is None
    reasons = {held.item.turn_id: held.reason for held in plan.held_back}
    assert "says the same" in reasons["b"]
    assert "disagree" in reasons["c"]
    assert "disagree" in reasons["d"]


@pytest.fixture
def talked(folder: Path, events: Events) -> Path:
    """A person who agreed and gave a telephone number and a mail address."""
    opened = open_bot(Bot(folder))
    phone = "llamen al 0991234567 por favor"
    opened.recorder.record(
        Batch(
            sender_id="593998765432",
            events=[
                events.slot("qa_consent", "granted"),
                events.user(phone, confidence=0.4, message_id="m1"),
                events.user("my mail is ana@firma.ec", confidence=0.3, message_id="m2"),
            ],
        ),
        now=time.time(),
    )
    opened.engine.dispose()
    return folder


def stored(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "bot.db") as connection:
        return [
            f"{text} {entities}"
            for text, entities in connection.execute(
                "SELECT text, entities FROM qa_annotations ORDER BY id"
            )
        ]


def test_the_round_trip_writes_values_and_stores_tokens(
    talked: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.yml"
    assert call(talked, "export", str(review), "--surrogates").exit_code == 0
    gone = {one.text: one for one in rasa_nlu.load(review.read_text("utf-8"), file="")}
    call_me = next(one for one in gone.values() if one.text.startswith("llamen"))
    number = invented(call_me)["[PHONE]"]
    assert call_me.text == f"llamen al {number} por favor"
    content = review.read_text("utf-8")
    review.write_text(content.replace(f"al {number}", f"al [{number}](tel)"), "utf-8")

    first = json.loads(call(talked, "import", str(review), "--json").stdout)
    again = json.loads(call(talked, "import", str(review), "--json").stdout)
    assert len(first["recorded"]) == len(again["known"]) == 2
    assert first["edited"] == first["masked"] == first["widened"] == []
    assert sorted(stored(talked)) == [
        'llamen al [PHONE] por favor [{"start":10,"end":17,"entity":"tel"}]',
        "my mail is [EMAIL] []",
    ]

    assert call(talked, "merge", "--yes", "--no-validate").exit_code == 0
    examples = read_examples((talked / "data" / "nlu.yml").read_text("utf-8"))
    texts = {example.text: example for example in examples}
    assert set(gone) <= set(texts), "what people saw is what the bot learns"
    (mark,) = texts[call_me.text].entities
    assert call_me.text[mark.start : mark.end] == number
    assert not any(TOKEN.search(text) for text in texts)


def test_an_edited_text_is_masked_again_with_its_own_tokens(
    talked: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.yml"
    call(talked, "export", str(review), "--surrogates")
    content = review.read_text("utf-8")
    review.write_text(
        content.replace(" por favor", " o al 0987654321 por favor"), "utf-8"
    )
    done = json.loads(call(talked, "import", str(review), "--json").stdout)
    assert len(done["edited"]) == len(done["masked"]) == 1
    assert any(
        one.startswith("llamen al [PHONE] o al [PHONE]") for one in stored(talked)
    )


@pytest.mark.parametrize(
    ("exported", "merged", "tokens"),
    [
        ([], [], True),
        ([], ["--surrogates"], False),
        (["--surrogates"], ["--tokens"], True),
        (["--surrogates"], [], False),
    ],
)
def test_a_merge_writes_what_went_out_unless_told_otherwise(
    talked: Path,
    tmp_path: Path,
    exported: list[str],
    merged: list[str],
    *,
    tokens: bool,
) -> None:
    review = tmp_path / "review.yml"
    call(talked, "export", str(review), *exported)
    call(talked, "import", str(review))
    call(talked, "merge", "--yes", "--no-validate", *merged)
    text = (talked / "data" / "nlu.yml").read_text("utf-8")
    assert "llamen al" in text
    assert ("llamen al [PHONE]" in text) is tokens
    assert ("my mail is [EMAIL]" in text) is tokens


def test_the_last_export_decides(talked: Path, tmp_path: Path) -> None:
    call(talked, "export", str(tmp_path / "one.yml"), "--surrogates")
    call(talked, "export", str(tmp_path / "two.yml"), "--again")
    call(talked, "import", str(tmp_path / "one.yml"))
    call(talked, "merge", "--yes", "--no-validate")
    assert "llamen al [PHONE]" in (talked / "data" / "nlu.yml").read_text("utf-8")


def test_help_names_the_option_and_loads_no_faker(talked: Path) -> None:
    assert (
        "rasa-qa export review.yml --surrogates"
        in call(talked, "export", "--help").stdout
    )
    code = (
        "import sys; from rasa_qa_plugin import cli; "
        "cli.root(['export', '--help'], standalone_mode=False); "
        "print('faker' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
