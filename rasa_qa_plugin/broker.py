"""ADAPTER to Rasa: the event broker that stands before the bot's own."""

from __future__ import annotations

import logging
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.shared.exceptions import RasaException

from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.vault import Vault

logger = logging.getLogger(__name__)


class MaskingBroker(EventBroker):
    """Stands before the bot's event broker; what passes is masked."""

    def __init__(self, broker: EventBroker, masker: EventMasker, vault: Vault) -> None:
        """Hand events to *broker*."""
        self._broker = broker
        self._masker = masker
        self._vault = vault

    @classmethod
    async def from_endpoint_config(
        cls,
        broker_config: Any,  # noqa: ARG003 - Rasa's signature
        event_loop: Any = None,  # noqa: ARG003
    ) -> EventBroker | None:
        """Never called: the tracker store makes this broker."""
        raise RasaException(
            "rasa_qa_plugin: MaskingBroker is not configured by hand; name your own "
            "broker in endpoints.yml"
        )

    def publish(self, event: dict[str, Any]) -> None:
        """Publish an event that did not come from us: its structure only."""
        sender_id = event.get("sender_id")
        body = self._masker.withhold(
            {key: value for key, value in event.items() if key != "sender_id"}
        )
        if isinstance(sender_id, str):
            body["sender_id"] = self._vault.pseudonym(sender_id)
        self.publish_masked(body)

    def publish_masked(self, body: dict[str, Any]) -> None:
        """Publish a masked body; a broker's fault never costs a message."""
        try:
            self._broker.publish(body)
        except Exception as error:  # noqa: BLE001 - brokers raise what they like
            logger.error(  # noqa: TRY400
                "rasa_qa_plugin: the event broker refused an event (%s)",
                type(error).__name__,
            )

    def is_ready(self) -> bool:
        """Tell whether the bot's broker is connected."""
        return bool(self._broker.is_ready())

    async def close(self) -> None:
        """Close the bot's broker."""
        await self._broker.close()
