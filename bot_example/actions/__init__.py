"""The bot's actions: those of the plugin, and the sales desk's own."""

import rasa_qa_plugin.actions

from . import sales

__all__ = ["rasa_qa_plugin", "sales"]
