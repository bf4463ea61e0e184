"""QAPolicy in trained bots, with a real action server and our store."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.utils.log_utils import configure_structlog

from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.rights import decide
from tests.rasa.asking_bot import Server, action_server, buttons, train

SILENT = "- {name: rasa_qa_plugin.QAPolicy, ask_consent: never}\n"
ASKING = """\
- name: rasa_qa_plugin.QAPolicy
  ask_feedback: {after: [utter_price], at_end: [utter_bye]}
  disambiguate:
    margin: 0.2
    titles: {ask_price: {es: Saber un precio, en: Know a price}}
"""
FIRST = """\
- name: rasa_qa_plugin.QAPolicy
  ask_consent: first_message
  ask_feedback: {every: 3}
  disambiguate: {margin: 0.2}
"""
BOTH = f"{ASKING}- name: rasa_qa_plugin.EscalationPolicy\n"
CONSENT_ES = "¿Podemos guardar esta conversación"
CONSENT_EN = "May we keep this conversation"
HELPFUL = "¿Sirvió esta respuesta?"
WHICH = "¿A cuál de estas consultas se refiere?"
UNCLEAR = "precio flete camarón"
TALK = (
    "hola qué tal", "sí", "quiero pedir", "diez cajas", "precio del atún", "zzz",
    "flete del camarón", "sí", "adiós",
)  # fmt: skip


@pytest.fixture(scope="module")
def bots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("asking")
    configure_structlog(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # Rasa's cache, shared by all of them
        return {
            "plain": train(folder),
            "silent": train(folder, SILENT),
            "asking": train(folder, ASKING),
            "both": train(folder, BOTH),
            "first": train(folder, FIRST, ambiguity=0.0, fallback=False),
        }


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with action_server(tmp_path_factory.mktemp("actions")) as address:
        yield address


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
def asking(bots: dict[str, str], actions: str, database: Path) -> Server:
    return Server(bots["asking"], actions, database)


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def what_happened(server: Server) -> list[dict[str, Any]]:
    """Give the events without what is another one each time."""
    random = {"timestamp", "message_id", "metadata", "parse_data"}
    events = [event.as_dict() for event in server.tracker().events]
    return [{k: v for k, v in one.items() if k not in random} for one in events]


def story(server: Server) -> list[str]:
    """Give what the bot's own policies see: messages and actions that count."""
    return [
        str(getattr(event, "action_name", None) or event.text)
        for event in server.tracker().applied_events()
        if event.type_name in ("action", "user")
    ]


def test_with_nothing_to_ask_events_are_those_of_the_bot_without_it(
    bots: dict[str, str], actions: str, tmp_path: Path
) -> None:
    plain = Server(bots["plain"], actions, tmp_path / "plain.db")
    silent = Server(bots["silent"], actions, tmp_path / "silent.db")

    assert plain.say(*TALK) == silent.say(*TALK)
    assert what_happened(plain) == what_happened(silent)


def test_the_story_goes_on_as_if_nothing_had_been_asked(
    bots: dict[str, str], actions: str, asking: Server, tmp_path: Path
) -> None:
    plain = Server(bots["plain"], actions, tmp_path / "plain.db")

    heard, also_heard = plain.say(*TALK), asking.say(*TALK)

    assert heard != also_heard
    asked = [
        set(more) - set(less) for less, more in zip(heard, also_heard, strict=True)
    ]
    assert [len(extra) for extra in asked] == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert story(plain) == story(asking)
    assert "utter_go_on" in story(plain)  # a story, right after the first question
    assert "utter_insure" in story(plain)


@pytest.mark.parametrize(
    ("hello", "question"),
    [("hola qué tal", CONSENT_ES), ("hello there how are you", CONSENT_EN)],
)
def test_consent_is_asked_once_after_the_whole_answer(
    asking: Server, hello: str, question: str
) -> None:
    first, second, third = asking.say(hello, hello, "/qa_consent_deny")

    assert first[:2] == second == ["hola", "vendo camarones"]
    assert len(first) == 3
    assert first[2].startswith(question)
    assert len(third) == 1
    assert asking.say(hello) == [second]


def test_people_are_asked_again_about_another_policy(
    bots: dict[str, str], actions: str, database: Path, tmp_path: Path
) -> None:
    def start(version: str) -> Server:
        path = tmp_path / "qa.yml"
        path.write_text(f"consent: {{policy_version: '{version}'}}\n", "utf-8")
        return Server(bots["asking"], actions, database, settings=str(path))

    start("1").say("hola", "/qa_consent_deny", sender="no")
    start("1").say("hola", "/qa_consent_grant", sender="yes")
    for sender in ("no", "yes"):
        assert len(start("1").say("hola", sender=sender)[0]) == 2
        asked, answered, later = start("2").say(
            "hola", "/qa_consent_deny", "hola", sender=sender
        )
        assert asked[2].startswith(CONSENT_ES)
        assert [len(answered), len(later)] == [1, 2]
        assert len(start("2").say("hola", sender=sender)[0]) == 2


def test_a_decision_taken_elsewhere_is_not_asked_about(
    asking: Server,
) -> None:
    asyncio.run(asking.store.ask(decide, "ana", ConsentState.DENIED, 1.7e9))

    assert asking.say("hola") == [["hola", "vendo camarones"]]


def test_a_channel_that_brings_consent_along_spares_the_question(
    asking: Server,
) -> None:
    from rasa.core.channels.channel import CollectingOutputChannel, UserMessage

    channel = CollectingOutputChannel()
    brought = {"qa_consent": "granted"}
    message = UserMessage("hola", channel, sender_id="ana", metadata=brought)
    asyncio.run(asking.agent.handle_message(message))

    heard = [said["text"] for said in channel.messages]
    assert heard == ["hola", "vendo camarones"]
    assert asking.say("hola") == [heard]


def test_a_no_counts_in_a_new_session_too(
    asking: Server,
) -> None:
    asking.say("hola", "/qa_consent_deny")
    later = asking.say("/session_start", "hola")

    assert later[1] == ["hola", "vendo camarones"]
    assert asking.tracker().get_slot("qa_consent") == "denied"


def test_a_form_is_never_interrupted(asking: Server) -> None:
    opened, filled, later = asking.say("quiero pedir", "diez cajas", "hola")

    assert opened == ["¿cuánto?"]
    assert filled[0] == "anotado: diez cajas"
    assert filled[1].startswith(CONSENT_ES)
    assert len(later) == 2


def test_a_form_that_is_filled_at_once_is_not_interrupted_either(
    asking: Server,
) -> None:
    noted, question = asking.say("apunte esto")[0]

    assert noted == "nota: apunte esto"
    assert question.startswith(CONSENT_ES)


def test_two_people_are_asked_each_for_themselves(asking: Server) -> None:
    assert len(asking.say("hola", sender="ana")[0]) == 3
    assert len(asking.say("hola", sender="ben")[0]) == 3
    asking.say("/qa_consent_grant", sender="ana")
    asking.say("/qa_consent_deny", sender="ben")

    assert len(asking.say("hola", sender="ana")[0]) == 2
    assert len(asking.say("hola", sender="ben")[0]) == 2
    assert asking.tracker("ana").get_slot("qa_consent") == "granted"
    assert asking.tracker("ben").get_slot("qa_consent") == "denied"


def test_a_restart_between_question_and_answer_changes_nothing(
    bots: dict[str, str], actions: str, asking: Server, database: Path
) -> None:
    asking.say("hola")
    asking = Server(bots["asking"], actions, database)
    asking.say("/qa_consent_grant")
    asked = buttons(asking.hear(UNCLEAR)[0])
    asking = Server(bots["asking"], actions, database)

    assert asking.say(asked["Saber un precio"])[0][0] == "precio de camarón: 5"
    assert rows(database, "SELECT intent, source, status FROM qa_annotations") == [
        ("ask_price", "did_you_mean", "annotated")
    ]


def test_a_click_labels_the_message_and_goes_on_with_all_it_said(
    asking: Server, database: Path
) -> None:
    asking.say("hola", "/qa_consent_grant")
    asked = asking.hear(UNCLEAR)[0]
    offered = buttons(asked)

    assert [message["text"] for message in asked] == [WHICH]
    assert sorted(offered) == ["Ask freight", "Ninguna de estas", "Saber un precio"]
    # The rule needs the product, which only the unclear message named.
    assert asking.say(offered["Ask freight"], "sí") == [
        ["flete de camarón: 2"],
        ["va con seguro"],
    ]
    assert rows(
        database,
        "SELECT one.text, one.intent, one.entities, one.source, turn.status "
        "FROM qa_annotations one JOIN qa_turns turn USING (turn_id)",
    ) == [
        (
            UNCLEAR,
            "ask_freight",
            '[{"start":13,"end":20,"entity":"product"}]',
            "did_you_mean",
            "annotated",
        )
    ]
    # Pressed once more, the button still works and decides nothing anew.
    asking.say(offered["Saber un precio"])
    assert rows(database, "SELECT intent FROM qa_annotations") == [("ask_freight",)]


def test_without_consent_a_click_labels_nothing(asking: Server, database: Path) -> None:
    asked = buttons(asking.hear(UNCLEAR)[0])

    assert asking.say(asked["Saber un precio"])[0][0] == "precio de camarón: 5"
    assert rows(database, "SELECT * FROM qa_annotations") == []


def test_none_of_these_leads_to_the_fallback_and_flags_the_turn(
    asking: Server, database: Path
) -> None:
    asked = buttons(asking.hear(UNCLEAR)[0])

    assert asking.say(asked["Ninguna de estas"]) == [["no entiendo"]]
    assert ("user_reported",) in rows(database, "SELECT flag FROM qa_flags")
    assert rows(database, "SELECT * FROM qa_annotations") == []


def test_nobody_is_asked_twice_in_a_row_what_they_meant(asking: Server) -> None:
    first, second, third = asking.say(UNCLEAR, UNCLEAR, UNCLEAR)

    assert first == [WHICH]
    assert WHICH not in second  # here, the fallback's own threshold decides
    assert third == [WHICH]


def test_a_payload_that_was_not_offered_labels_nothing(
    asking: Server, database: Path
) -> None:
    asking.say("hola", "/qa_consent_grant")
    asked = buttons(asking.hear(UNCLEAR)[0])
    forged = asked["Ask freight"].replace("ask_freight", "bye")

    assert asking.say(forged)[0][0] == "adiós"
    assert rows(database, "SELECT * FROM qa_annotations") == []


def test_a_bot_without_a_fallback_of_its_own_asks_for_other_words(
    bots: dict[str, str], actions: str, database: Path
) -> None:
    first = Server(bots["first"], actions, database)
    asked = buttons(first.hear(UNCLEAR)[0])

    assert first.say(asked["Ninguna de estas"]) == [
        ["Disculpe, ¿lo puede decir con otras palabras?"]
    ]
    assert first.say(asked["Ask price"])[0][-1] == "precio de camarón: 5"


def test_consent_can_be_asked_before_the_first_answer(
    bots: dict[str, str], actions: str, database: Path
) -> None:
    first = Server(bots["first"], actions, database)

    asked, later = first.say("hola", "sí")

    assert asked[0].startswith(CONSENT_ES)
    assert asked[1:] == ["hola", "vendo camarones"]
    assert later == ["adelante"]


def test_feedback_is_asked_every_third_answer_and_bound_to_it(
    bots: dict[str, str], actions: str, database: Path
) -> None:
    first = Server(bots["first"], actions, database)
    first.say("hola", "/qa_consent_deny")

    talk = ["precio", "hola", "hola", "hola", "precio"]
    asked = [HELPFUL in heard for heard in first.say(*talk)]
    assert asked == [False, True, False, False, True]
    first.say("hola", "hola")
    good = buttons(first.hear("precio del atún")[0])["👍"]
    first.say(good)
    assert rows(
        database,
        "SELECT turn.intent, given.rating FROM qa_feedback given "
        "JOIN qa_turns turn USING (turn_id)",
    ) == [("ask_price", 1)]


def test_nothing_is_asked_in_a_turn_that_is_handed_over(
    bots: dict[str, str], actions: str, database: Path
) -> None:
    both = Server(bots["both"], actions, database)

    handed_over, later = both.say("urgente: precio del atún", "precio del atún")

    assert len(handed_over) == 2
    assert handed_over[1] == "precio de atún: 5"
    assert later[0] == "precio de atún: 5"
    assert later[1].startswith(CONSENT_ES)


def test_stars_are_kept_for_the_conversation_and_replaced_by_a_second_click(
    asking: Server, database: Path
) -> None:
    asking.say("hola", "/qa_consent_deny")
    stars = buttons(asking.hear("adiós")[0])
    assert list(stars) == ["⭐" * number for number in range(1, 6)]

    thanks = asking.say(stars["⭐⭐"], stars["⭐⭐⭐⭐"], "le doy cinco estrellas")
    assert thanks == [["Gracias por la valoración."]] * 3
    (given,) = rows(database, "SELECT message_ref, rating, turn_id FROM qa_feedback")
    assert given[0].startswith("stars:")
    assert given[1:] == (5, None)
    assert rows(database, "SELECT sum(ratings) FROM qa_daily_turns") == [(0,)]


def test_test_stories_are_asked_nothing(asking: Server, tmp_path: Path) -> None:
    from rasa.core.test import test as play

    (tmp_path / "test_stories.yml").write_text(
        """
        version: "3.1"
        stories:
        - story: greeting, unclear, price
          steps:
          - {user: hola, intent: greet}
          - action: utter_greet
          - action: utter_help
          - {user: "sí", intent: affirm}
          - action: utter_go_on
          - {user: precio, intent: ask_price}
          - action: utter_price
        """,
        "utf-8",
    )

    played = asyncio.run(
        play(
            str(tmp_path / "test_stories.yml"),
            asking.agent,
            out_directory=str(tmp_path),
            e2e=True,
        )
    )

    assert played["accuracy"] == 1.0
    assert played["report"]["conversation_accuracy"]["accuracy"] == 1.0


def test_without_an_action_server_the_bot_goes_on(
    bots: dict[str, str], database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = "http://127.0.0.1:9/webhook"
    caplog.set_level(logging.CRITICAL)
    asking = Server(bots["asking"], nobody, database)

    talk = asking.say("hola", "sí", UNCLEAR, "precio del atún")

    assert talk == [
        ["hola", "vendo camarones"],
        ["adelante"],  # the story goes on past the question that was lost
        ["no entiendo"],
        ["precio de atún: 5"],
    ]
    assert WHICH not in asking.say(UNCLEAR)[0]


def test_a_domain_without_the_actions_is_refused_in_one_line(tmp_path: Path) -> None:
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource
    from rasa.shared.core.domain import Domain

    from rasa_qa_plugin import QAPolicy

    def policy(**keys: Any) -> QAPolicy:
        return QAPolicy.create(
            {**QAPolicy.get_default_config(), **keys},
            LocalModelStorage(tmp_path),
            Resource("qa"),
            ExecutionContext(GraphSchema({})),
        )

    with pytest.raises(InvalidConfigException, match="action_qa_insert_consent is mis"):
        policy().train([], Domain.empty())
    with pytest.raises(InvalidConfigException, match="QAPolicy: ask_often: unknown"):
        policy(ask_often=True)
    policy(ask_consent="never").train([], Domain.empty())
