"""The test set of a bot, as texts."""

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.review.held_out_rows import read_test_set


def held_out(bot: Bot, test_set: str) -> list[str]:
    """Give the texts of the test set, which no model may learn.

    Raises:
        MergeError: It cannot be read.
    """
    return [row.text for row in read_test_set(bot.folder / test_set)]
