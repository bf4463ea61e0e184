"""Keeping what the quality loop works on: turns with flags, and ratings."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from sqlalchemy.engine import Connection

from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.review.flags import REPEATED, is_repeated
from rasa_qa_plugin.review.meaning import keep_meanings
from rasa_qa_plugin.review.transcript import Event, ratings_in, turns_in
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import ratings, turns
from rasa_qa_plugin.storage.turns import Said


class Capture:
    """Reads turns and ratings out of events; on the caller's transaction."""

    def __init__(
        self, turn_id: Callable[[str, int, str], str], settings: Settings
    ) -> None:
        """Flag by the limits of *settings*, and keep what they allow.

        Args:
            turn_id: Makes the id from pseudonym, number and message.
            settings: `qa.yml`.
        """
        self._turn_id = turn_id
        self._settings = settings.review
        self._without_consent = settings.consent.keeps_rows

    def keep(  # noqa: PLR0913 - what turns are read from
        self,
        connection: Connection,
        pseudonym: str,
        events: Sequence[Event],
        masked: Sequence[Event],
        consent: ConsentState,
        *,
        first_seq: int,
        now: float,
    ) -> None:
        """Record the turns that began in these events, and the ratings given.

        Without consent, numbers and flags only; nothing where no row may be kept.
        """
        if not consent.allows_capture and not self._without_consent:
            return
        found = list(
            turns_in(
                events,
                masked,
                first_seq=first_seq,
                sender_id=pseudonym,
                turn_id=self._turn_id,
                capture=consent.allows_capture,
                settings=self._settings,
            )
        )
        said = [
            Said(turn.turn_id, turn.text, turn.recorded_at)
            for turn in found
            if turn.text is not None
        ]
        if said and first_seq > 0:
            earlier = turns.before(connection, pseudonym, first_seq)
            said = [earlier, *said] if earlier else said
        turns.record(connection, found)
        repeated = [
            one.turn_id
            for one, following in pairwise(said)
            if is_repeated(
                one.text,
                following.text,
                seconds=following.recorded_at - one.recorded_at,
                settings=self._settings,
            )
        ]
        turns.raise_flag(connection, repeated, REPEATED, now=now)
        self.rate(connection, pseudonym, masked, consent, now=now)
        keep_meanings(connection, pseudonym, masked, consent, now=now)

    def rate(
        self,
        connection: Connection,
        pseudonym: str,
        masked: Sequence[Event],
        consent: ConsentState,
        *,
        now: float,
    ) -> None:
        """Record the ratings in these events; without a turn named, of the latest."""
        for rating in ratings_in(masked):
            message_ref = rating.message_ref or turns.last_turn_ref(
                connection, pseudonym
            )
            if (
                rating.from_channel
                and turns.id_of(connection, pseudonym, str(message_ref)) is None
            ):
                continue
            if message_ref is not None and rating.stars:
                ratings.give_stars(
                    connection,
                    sender_id=pseudonym,
                    message_ref=message_ref,
                    stars=rating.value,
                    now=now,
                )
            elif message_ref is not None:
                ratings.rate(
                    connection,
                    sender_id=pseudonym,
                    message_ref=message_ref,
                    rating=rating.value,
                    comment=rating.comment if consent.allows_capture else None,
                    reported=rating.reported,
                    now=now,
                )
