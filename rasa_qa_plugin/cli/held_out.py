"""The test set of a bot, as texts."""

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.rasa_syntax import read_examples


def held_out(bot: Bot, test_set: str) -> list[str]:
    """Give the texts of the test set, which no model may learn.

    Raises:
        AnnotationError: It cannot be read.
    """
    path = bot.folder / test_set
    if not path.is_file():
        return []
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read ({type(error).__name__}); save it as UTF-8 text"
        raise AnnotationError(path.name, problem) from None
    return [example.text for example in read_examples(content)]
