"""`rasa-qa check` says what is missing in which file, and which line to add."""

import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest

from rasa_qa_plugin import wiring
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.installation import plan_installation
from rasa_qa_plugin.settings import parser
from rasa_qa_plugin.undoing import install
from rasa_qa_plugin.wiring import MissingPartError

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
LOOKS = (
    *(wiring.pipeline, wiring.policies, wiring.fallback, wiring.domain),
    *(wiring.responses, wiring.training_data, wiring.actions),
    wiring.credentials,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wired") / "bot"
    (folder / "data").mkdir(parents=True)
    (folder / "domain.yml").write_text("intents:\n- greet\n", "utf-8")
    (folder / "config.yml").write_text(
        "pipeline:\n- name: WhitespaceTokenizer\n- name: FallbackClassifier\n"
        "policies:\n- name: RulePolicy\n",
        "utf-8",
    )
    bot = Bot(folder)
    install(plan_installation(bot).changes, bot=bot, now=NOW)
    return folder


@pytest.fixture
def bot(made: Path, tmp_path: Path) -> Bot:
    return Bot(shutil.copytree(made, tmp_path / "bot"))


def edit(bot: Bot, name: str, there: str, instead: str = "") -> None:
    path = bot.folder / name
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead), "utf-8")


def missing(look: Callable[[Bot], str], bot: Bot) -> str:
    with pytest.raises(MissingPartError) as told:
        look(bot)
    return str(told.value)


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_missing_where_init_has_been(
    bot: Bot, look: Callable[[Bot], str]
) -> None:
    assert look(bot)


COMPONENT = "- name: rasa_qa_plugin.ConfidenceLogger\n"


@pytest.mark.parametrize(
    ("look", "file", "there", "instead", "told"),
    [
        (wiring.pipeline, "config.yml", COMPONENT, "", f"`{COMPONENT.strip()}`"),
        (
            wiring.pipeline, "config.yml",
            COMPONENT, COMPONENT + "- name: EntitySynonymMapper\n", "is not last",
        ),
        (
            wiring.policies, "config.yml", "RulePolicy", "MemoizationPolicy",
            "add `- name: RulePolicy`",
        ),
        (
            wiring.fallback, "config.yml", "- name: FallbackClassifier\n", "",
            "`- name: FallbackClassifier`",
        ),
        (wiring.domain, "domain.yml", "- qa_skip\n", "", "domain.yml lacks qa_skip"),
        (
            wiring.domain, "domain.yml", "- qa_skip\n", "- qa_skipp\n",
            "is qa_skipp an edited qa_skip?",
        ),
        (
            wiring.domain, "domain.yml",
            "  qa_forget:\n    type: bool\n", "  qa_forget:\n    type: text\n",
            "slots qa_forget differ",
        ),
        (
            wiring.domain, "domain.yml",
            "  qa_forget:\n    type: bool\n    influence_conversation: false\n",
            "  qa_forget:\n    type: bool\n", "`rasa-qa help qa_forget` has the lines",
        ),
        (
            wiring.responses, "domain.yml",
            "utter_qa_comment_thanks_en", "utter_thanks", "utter_qa_comment_thanks_en",
        ),
        (
            wiring.responses, "domain.yml",
            "  utter_qa_comment_thanks_en:",
            "  utter_qa_comment_thanks_pt: []\n  utter_qa_comment_thanks_en:",
            "domain.yml lacks utter_qa_ask_consent_pt",
        ),
        (
            wiring.responses, "domain.yml",
            "payload: /qa_skip", "payload: /qa_skipping",
            "is qa_skipping an edited qa_skip?",
        ),
        (
            wiring.training_data, "data/qa_nlu.yml",
            "- intent: qa_skip\n", "- intent: qa_skipping\n",
            "no examples for qa_skip (is qa_skipping an edited qa_skip?",
        ),
        (
            wiring.training_data, "data/qa_rules.yml",
            "- intent: qa_forget_me\n", "- intent: greet\n", "no rule for qa_forget_me",
        ),
        (
            wiring.actions, "actions/__init__.py", "import ", "# import ",
            "add to actions/__init__.py: `import rasa_qa_plugin.actions`",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_file_and_line(
    bot: Bot, look: Callable[[Bot], str], file: str, there: str, instead: str, told: str
) -> None:  # fmt: skip
    edit(bot, file, there, instead)

    assert told in missing(look, bot)


def test_a_language_that_is_dropped_whole_is_no_fault(bot: Bot) -> None:
    content = parser().load(bot.domain.read_text("utf-8"))
    for name in list(content["responses"]):
        if name.endswith("_en"):
            del content["responses"][name]
    bot.domain.write_bytes(msgspec.json.encode(content))

    assert wiring.responses(bot) == "in es"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rasa_qa_plugin.QAChannel:\n", "has no token"),
        ("rasa_qa_plugin.QAChannel:\n  token: geheim\n", "16 characters"),
    ],
)
def test_a_channel_that_would_not_start_is_told(bot: Bot, text: str, told: str) -> None:
    (bot.folder / "credentials.yml").write_text(text, "utf-8")

    found = missing(wiring.credentials, bot)

    assert told in found
    assert "geheim" not in found
