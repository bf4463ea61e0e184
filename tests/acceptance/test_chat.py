"""All that people may say to us in a chat, over HTTP, to real servers, es and en.

One Rasa server and one action server. The first is killed and started again while
people are asked something; the second is away for a while, and comes back.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from click.testing import CliRunner

from rasa_qa_plugin import cli
from tests.acceptance.servers import free_port, kill, post, server
from tests.conftest import SECRET
from tests.rasa.asking_bot import train

if TYPE_CHECKING:
    from subprocess import Popen

POLICIES = """\
- name: rasa_qa_plugin.QAPolicy
  ask_feedback: {after: [utter_price], at_end: [utter_bye]}
  disambiguate:
    margin: 0.2
    titles: {ask_price: {es: Saber un precio, en: Know a price}}
- {name: rasa_qa_plugin.EscalationPolicy, pause: true}
"""
LANGUAGES = ("es", "en")

# What people say, and the buttons they press, by a name for both languages.
SAID = {
    "hello": ("hola qué tal", "hello there how are you"),
    "price": ("el precio del camarón", "the price please"),
    "unclear": ("precio flete camarón", "the price or the freight"),
    "order": ("quiero pedir", "i want to order"),
    "boxes": ("diez cajas", "ten boxes"),
    "bye": ("adiós", "goodbye"),
    "give": ("doy mi consentimiento", "i give my consent"),
    "refuse": ("no quiero que guarden esto", "please do not keep my messages"),
    "withdraw": ("retiro mi consentimiento", "i withdraw my consent"),
    "info": ("¿qué guardan de mí?", "what do you have about me?"),
    "complain": ("eso no es lo que pregunté", "that was not what i asked"),
    "why": ("era otro precio", "it was another price"),
    "forget": ("borra mis datos", "delete my data"),
    "person": ("quiero hablar con una persona", "i want to talk to a person"),
    "[agree]": ("[Sí, de acuerdo]", "[Yes, that's fine]"),
    "[disagree]": ("[No, gracias]", "[No, thanks]"),
    "[kept?]": ("[¿Qué se guarda?]", "[What is kept?]"),
    "[yes]": ("[Doy permiso]", "[You have my permission]"),
    "[what]": ("[Contar qué falló]", "[Tell us what went wrong]"),
    "[skip]": ("[Omitir]", "[Skip]"),
    "[price]": ("[Saber un precio]", "[Know a price]"),
    "[none]": ("[Ninguna de estas]", "[None of these]"),
    "[all]": ("[Sí, borrar todo]", "[Yes, delete everything]"),
    "[keep]": ("[No, conservar]", "[No, keep it]"),
}
# How our answers begin; the bot's own are the same in both languages.
ANSWERS = {
    "MAY WE": ("¿Podemos guardar", "May we keep"),
    "THANKS": ("¡Muchas gracias!", "Thank you! This"),
    "FINE": ("De acuerdo, no", "All right, we won't"),
    "DONE": ("Hecho: ya no", "Done: we no longer"),
    "NEITHER": ("Hasta ahora no tenemos", "So far we have neither"),
    "WITHDRAWN": ("El permiso se retiró", "You took your permission"),
    "GRANTED": ("Tenemos su permiso", "We have your permission"),
    "TERMS": ("Con permiso guardamos", "With your permission we"),
    "HELPFUL": ("¿Sirvió esta respuesta?", "Was this answer helpful?"),
    "GOOD": ("¡Qué bueno!", "Glad to hear it!"),
    "SORRY": ("Lo sentimos", "Sorry about that"),
    "WHAT": ("¿Qué falló", "What went wrong"),
    "NOTED": ("Gracias, lo revisaremos", "Thank you, we'll look"),
    "SKIPPED": ("Sin problema", "No problem"),
    "STARS": ("¿Cuántas estrellas", "How many stars"),
    "RATED": ("Gracias por la valoración", "Thank you for the rating"),
    "WHICH": ("¿A cuál de estas", "Which of these"),
    "SURE": ("¿Borramos todo", "Shall we delete"),
    "KEPT": ("Entendido", "Understood"),
    "RECEIPT": ("Listo. Constancia: el 2", "Done. Receipt: on 2"),
    "PAUSED": ("Desde aquí sigue una", "Somebody of our team takes"),
    "TOLD": ("Avisamos a una persona", "We have told somebody"),
    "ALREADY": ("El caso ya está", "Our team already"),
    "LATER": ("En este momento no lo", "We cannot do that right"),
}
Lines = list[tuple[str, list[str]]]
HELLO = ["hola", "vendo camarones"]
FIRST: tuple[str, list[str]] = ("hello", [*HELLO, "MAY WE"])
AMOUNT = "¿cuánto?"


class Heard(NamedTuple):
    """What somebody said, how the answers were to begin, and what they were."""

    said: str
    expected: list[str]
    answers: list[str]


class Chat:
    """The bot's folder and its servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.actions_port = free_port(), free_port()
        self._ids = count(1)
        (folder / "credentials.yml").write_text("rest:\n", "utf-8")
        (folder / "endpoints.yml").write_text(
            f"action_endpoint: {{url: 'http://127.0.0.1:{self.actions_port}/webhook'}}\n"
            "tracker_store: {type: rasa_qa_plugin.QATrackerStore, db: chat.db}\n",
            "utf-8",
        )

    def rasa(self) -> AbstractContextManager["Popen[bytes]"]:
        return server(
            self.folder,
            "run", "--interface", "127.0.0.1", "--port", str(self.port), "--enable-api",
            log=self.folder / "rasa.log",
            ready=f"http://127.0.0.1:{self.port}/status",
            environment={"RASA_QA_SECRET": SECRET},
        )  # fmt: skip

    def actions(self) -> AbstractContextManager["Popen[bytes]"]:
        return server(
            self.folder,
            "run", "actions", "--port", str(self.actions_port),
            log=self.folder / "actions.log",
            ready=f"http://127.0.0.1:{self.actions_port}/health",
        )  # fmt: skip

    def somebody(self, language: str) -> "Person":
        return Person(self, language, f"59399{next(self._ids):07d}")

    def qa(self, *arguments: str) -> str:
        """Run a command beside the servers; give what it printed."""
        done = CliRunner().invoke(
            cli.root,
            [*arguments, "--bot", str(self.folder)],
            env={"RASA_QA_SECRET": SECRET},
            catch_exceptions=False,
        )
        assert done.exit_code == 0, done.output
        return done.stdout


class Person:
    """Somebody who chats over the REST channel."""

    def __init__(self, chat: Chat, language: str, sender: str) -> None:
        self.sender = sender
        self._chat = chat
        self._language = LANGUAGES.index(language)
        self._buttons: dict[str, str] = {}

    def holds(self, lines: Lines) -> list[Heard]:
        """Say one thing after the other; give what came of it."""
        return [
            Heard(
                said,
                [self._in_language(ANSWERS, one) for one in answers],
                self._send(self._in_language(SAID, said)),
            )
            for said, answers in lines
        ]

    def chats(self, *lines: tuple[str, list[str]]) -> None:
        """Say one thing after the other, and get these answers."""
        check(self.holds(list(lines)))

    def _in_language(self, known: dict[str, tuple[str, str]], name: str) -> str:
        return known[name][self._language] if name in known else name

    def _send(self, text: str) -> list[str]:
        if text.startswith("["):
            text = self._buttons[text[1:-1]]
        url = f"http://127.0.0.1:{self._chat.port}/webhooks/rest/webhook"
        answers = post(url, {"sender": self.sender, "message": text})
        buttons = [one for answer in answers for one in answer.get("buttons") or []]
        self._buttons |= {one["title"]: one["payload"] for one in buttons}
        return [answer["text"] for answer in answers]

    def held(self) -> dict[str, Any]:
        """Give everything that is stored about them."""
        arguments = ("subject-access", self.sender, "--without-originals")
        found: dict[str, Any] = json.loads(self._chat.qa(*arguments))
        return found

    @property
    def consents(self) -> list[str]:
        return [row["state"] for row in self.held()["consents"]]

    @property
    def ratings(self) -> list[int]:
        return [row["rating"] for row in self.held()["feedback"]]

    def close_ticket(self) -> None:
        (ticket,) = self.held()["tickets"]
        self._chat.qa("tickets", "close", ticket["ticket_id"])


def check(heard: list[Heard]) -> None:
    for said, expected, answers in heard:
        assert len(answers) == len(expected), (said, answers)
        for answer, beginning in zip(answers, expected, strict=True):
            assert answer.startswith(beginning), (said, answers)


class Servers(NamedTuple):
    """What runs, in a block that ends it."""

    chat: Chat
    block: ExitStack
    rasa: "Popen[bytes]"
    actions: "Popen[bytes]"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("chat")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # Rasa's cache
        train(folder, POLICIES)
    chat = Chat(folder)
    with ExitStack() as block, ThreadPoolExecutor(2) as at_once:
        starting = [
            at_once.submit(block.enter_context, one())
            for one in (chat.rasa, chat.actions)
        ]
        rasa, actions = (one.result() for one in starting)
        yield Servers(chat, block, rasa, actions)


@pytest.fixture
def chat(servers: Servers) -> Chat:
    return servers.chat


@pytest.fixture(params=LANGUAGES)
def person(chat: Chat, request: pytest.FixtureRequest) -> Person:
    return chat.somebody(request.param)


def test_consent_is_asked_explained_given_taken_back_and_refused(
    person: Person,
) -> None:
    person.chats(
        FIRST,
        ("[kept?]", ["NEITHER", "TERMS"]),
        ("[yes]", ["THANKS"]),
        ("hello", HELLO),
        ("info", ["GRANTED"]),
        ("withdraw", ["DONE"]),
        ("hello", HELLO),
        ("give", ["MAY WE"]),  # out of the blue: asked back
        ("give", ["THANKS"]),
        ("refuse", ["FINE"]),
        ("hello", HELLO),
    )

    assert person.consents == ["granted", "withdrawn", "granted", "denied"]


def test_an_answer_is_judged_by_buttons_in_words_and_with_a_comment(
    person: Person,
) -> None:
    person.chats(
        FIRST,
        ("give", ["THANKS"]),
        ("price", ["precio de", "HELPFUL"]),
        ("[👎]", ["SORRY"]),
        ("[what]", ["WHAT"]),
        ("why", ["NOTED"]),
        ("price", ["precio de", "HELPFUL"]),
        ("👍", ["GOOD"]),
        ("price", ["precio de", "HELPFUL"]),
        ("5", ["GOOD"]),
        ("[what]", ["WHAT"]),
        ("[skip]", ["SKIPPED"]),
    )

    feedback = person.held()["feedback"]
    assert [(row["rating"], bool(row["comment"])) for row in feedback] == [
        (-1, True), (1, False), (1, False),
    ]  # fmt: skip


def test_a_complaint_marks_the_answer_and_stars_the_conversation(
    person: Person,
) -> None:
    person.chats(
        FIRST,
        ("[disagree]", ["FINE"]),
        ("order", [AMOUNT]),
        ("boxes", ["anotado: "]),
        ("complain", ["SORRY"]),
        ("bye", ["adiós", "STARS"]),
        ("2", ["RATED"]),
        ("[⭐⭐⭐⭐]", ["RATED"]),
    )

    held = person.held()
    assert person.ratings == [-1, 4]
    (reported,) = (one for one in held["turns"] if "user_reported" in one["flags"])
    assert (reported["text"], reported["rating"]) == (None, -1)  # there was no consent
    judged = [row["turn_id"] for row in held["feedback"]]
    assert judged == [reported["turn_id"], None]


def test_a_click_on_did_you_mean_goes_on_and_labels(person: Person) -> None:
    person.chats(
        FIRST,
        ("give", ["THANKS"]),
        ("unclear", ["WHICH"]),
        ("[price]", ["precio de", "HELPFUL"]),
        ("unclear", ["WHICH"]),
        ("[none]", ["no entiendo"]),
    )

    labels = [(row["intent"], row["source"]) for row in person.held()["annotations"]]
    assert labels == [("ask_price", "did_you_mean")]


def test_whoever_is_forgotten_gets_a_receipt_and_begins_anew(person: Person) -> None:
    person.chats(
        FIRST,
        ("give", ["THANKS"]),
        ("forget", ["SURE"]),
        ("[keep]", ["KEPT"]),
        ("forget", ["SURE"]),
        ("[all]", ["RECEIPT"]),
    )

    assert person.held() == {}
    person.chats(FIRST)


def test_a_form_hears_all_of_it_and_asks_its_question_again(person: Person) -> None:
    person.chats(
        FIRST,
        ("order", [AMOUNT]),
        ("info", ["NEITHER", "TERMS", AMOUNT]),
        ("[yes]", ["THANKS", AMOUNT]),
        ("withdraw", ["DONE", AMOUNT]),
        ("complain", ["SORRY", AMOUNT]),
        ("[what]", ["WHAT"]),
        ("why", ["NOTED", AMOUNT]),
        ("👍", ["GOOD", AMOUNT]),
        ("forget", ["SURE", AMOUNT]),
        ("[keep]", ["KEPT", AMOUNT]),
        ("boxes", ["anotado: "]),
    )

    assert person.consents == ["granted", "withdrawn"]


@pytest.mark.parametrize(
    ("before", "resumed"),
    [
        ([], FIRST),
        ([("order", [AMOUNT])], ("boxes", ["anotado: ", "MAY WE"])),
    ],
    ids=["outside a form", "inside a form"],
)
def test_people_take_over_until_their_ticket_is_closed(
    person: Person, before: Lines, resumed: tuple[str, list[str]]
) -> None:
    person.chats(*before, ("person", ["PAUSED"]), ("hello", []), ("boxes", []))

    person.close_ticket()

    person.chats(resumed, ("hello", HELLO))


def test_two_people_in_forms_at_the_same_time_are_not_mixed_up(chat: Chat) -> None:
    ana, ben = chat.somebody("es"), chat.somebody("en")
    hers: Lines = [
        ("order", [AMOUNT]),
        ("info", ["NEITHER", "TERMS", AMOUNT]),
        ("[yes]", ["THANKS", AMOUNT]),
        ("withdraw", ["DONE", AMOUNT]),
        ("boxes", ["anotado: diez cajas"]),
        ("hello", HELLO),
    ]
    his: Lines = [
        ("order", [AMOUNT]),
        ("complain", ["SORRY", AMOUNT]),
        ("👍", ["GOOD", AMOUNT]),
        ("boxes", ["anotado: ten boxes", "MAY WE"]),
        ("[disagree]", ["FINE"]),
        ("hello", HELLO),
    ]

    with ThreadPoolExecutor(2) as at_once:
        for line in zip(hers, his, strict=True):  # both at the same moment
            saying = [
                at_once.submit(who.holds, [said])
                for who, said in zip((ana, ben), line, strict=True)
            ]
            for said in saying:
                check(said.result())

    assert (ana.consents, ben.consents) == (["granted", "withdrawn"], ["denied"])
    assert (ana.ratings, ben.ratings) == ([], [1])  # his second one counts


# What is said before the Rasa server is killed, and after it was started again.
KILLED: dict[str, tuple[Lines, Lines]] = {
    "consent, by button": ([FIRST], [("[agree]", ["THANKS"]), ("hello", HELLO)]),
    "consent, in words": ([FIRST], [("give", ["THANKS"]), ("hello", HELLO)]),
    "a form": (
        [("order", [AMOUNT]), ("withdraw", ["DONE", AMOUNT])],
        [("info", ["WITHDRAWN", "TERMS", AMOUNT]), ("boxes", ["anotado: "])],
    ),
    "thumbs": (
        [FIRST, ("give", ["THANKS"]), ("price", ["precio de", "HELPFUL"])],
        [("👎", ["SORRY"])],
    ),
    "stars, by button": ([("bye", ["adiós", "STARS"])], [("[⭐⭐]", ["RATED"])]),
    "stars, in words": ([("bye", ["adiós", "STARS"])], [("4", ["RATED"])]),
    "a comment": (
        [FIRST, ("complain", ["SORRY"]), ("[what]", ["WHAT"])],
        [("why", ["NOTED"]), ("hello", HELLO)],
    ),
    "what was meant": (
        [("unclear", ["WHICH"])], [("[price]", ["precio de", "MAY WE"])],
    ),
    "forgetting": ([FIRST, ("forget", ["SURE"])], [("[all]", ["RECEIPT"]), FIRST]),
    "a pause": ([("person", ["PAUSED"])], [("hello", [])]),
    "a pause that ended": ([("person", ["PAUSED"])], [FIRST]),
}  # fmt: skip


@pytest.fixture(scope="module")
def survivors(servers: Servers) -> dict[tuple[str, str], tuple[Person, list[Heard]]]:
    """People who are in the midst of something, while Rasa is killed."""
    people = {}
    for language in LANGUAGES:
        for name, (before, _) in KILLED.items():
            somebody = servers.chat.somebody(language)
            people[language, name] = (somebody, somebody.holds(before))
    kill(servers.rasa)
    for language in LANGUAGES:
        people[language, "a pause that ended"][0].close_ticket()
    servers.block.enter_context(servers.chat.rasa())
    return people


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", KILLED)
def test_after_a_crash_the_answer_to_a_question_counts(
    survivors: dict[tuple[str, str], tuple[Person, list[Heard]]],
    name: str,
    language: str,
) -> None:
    person, before = survivors[language, name]
    check(before)

    person.chats(*KILLED[name][1])

    if name.startswith("consent"):
        assert person.consents == ["granted"]
    if name.startswith("stars"):
        assert person.ratings == [2 if "button" in name else 4]
    if name == "thumbs":
        (judged,) = person.held()["feedback"]
        assert (judged["rating"], judged["turn_id"] is None) == (-1, False)


# Before the action server goes away, while it is away, and after it came back.
AWAY: dict[str, tuple[Lines, Lines, Lines]] = {
    "a first word": ([], [("hello", HELLO), ("price", ["precio de"])], [FIRST]),
    "consent": (
        [FIRST],
        [("[agree]", ["LATER"]), ("hello", HELLO)],
        [("[agree]", ["THANKS"]), ("hello", HELLO)],
    ),
    "a form": (
        [FIRST, ("give", ["THANKS"]), ("order", [AMOUNT])],
        [("withdraw", ["LATER", AMOUNT]), ("info", ["LATER", AMOUNT]),
         ("boxes", ["anotado: "])],
        [("info", ["GRANTED"]), ("withdraw", ["DONE"])],
    ),
    "thumbs": (
        [FIRST, ("[disagree]", ["FINE"]), ("price", ["precio de", "HELPFUL"])],
        [("[👍]", ["LATER"]), ("price", ["precio de"])],
        [("[👍]", ["GOOD"])],
    ),
    "stars": (
        [("bye", ["adiós", "STARS"])],
        [("4", ["LATER"]), ("hello", HELLO)],
        [("[⭐⭐]", ["RATED"])],
    ),
    "a comment": (
        [FIRST, ("give", ["THANKS"]), ("complain", ["SORRY"]), ("[what]", ["WHAT"])],
        [("why", ["LATER"]), ("hello", HELLO)],
        [("[what]", ["NOTED"])],  # it was kept
    ),
    "forgetting": (
        [FIRST, ("forget", ["SURE"])],
        [("[all]", ["LATER"]), ("hello", HELLO)],
        [("[all]", ["RECEIPT"]), FIRST],
    ),
    "a person": (
        [("order", [AMOUNT])],
        [("person", ["TOLD", AMOUNT]), ("boxes", ["anotado: "])],
        [("person", ["ALREADY"])],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def patient(servers: Servers) -> dict[tuple[str, str], tuple[Person, list[Heard]]]:
    """People who chat on while there is no action server, until there is one again."""
    chat = servers.chat
    held: dict[tuple[str, str], tuple[Person, list[Heard]]] = {}
    for language in LANGUAGES:
        for name, (before, _, _) in AWAY.items():
            somebody = chat.somebody(language)
            held[language, name] = (somebody, somebody.holds(before))
    kill(servers.actions)
    for (_, name), (somebody, heard) in held.items():
        heard.extend(somebody.holds(AWAY[name][1]))
    servers.block.enter_context(chat.actions())
    return held


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", AWAY)
def test_without_an_action_server_people_are_told_and_lose_nothing(
    patient: dict[tuple[str, str], tuple[Person, list[Heard]]],
    name: str,
    language: str,
) -> None:
    person, heard = patient[language, name]
    check(heard)
    if name != "forgetting":
        events = (row["archived"]["event"] for row in person.held()["events"])
        assert sum(one == "user" for one in events) == len(heard)

    person.chats(*AWAY[name][2])

    if name == "a form":
        assert person.consents == ["granted", "withdrawn"]
    rating = {"thumbs": 1, "stars": 2, "a comment": -1}.get(name)
    assert person.ratings == ([] if rating is None else [rating])
