"""The consent ledger: append-only, the latest row of a purpose counts."""

from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.consent import TRAINING, ConsentState
from rasa_qa_plugin.storage.schema import consents, plain


class ConsentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger; *sender_id* is the pseudonym."""

    sender_id: str
    purpose: str = TRAINING
    state: ConsentState
    policy_version: str
    source: str
    recorded_at: float


class Standing(NamedTuple):
    """What counts now, the version of the wording it was said about, and since when."""

    state: ConsentState
    policy_version: str | None
    since: float | None


# Made once, as it runs with every message.
_CURRENT = (
    sa.select(consents.c.state, consents.c.policy_version, consents.c.recorded_at)
    .where(consents.c.sender_id == sa.bindparam("of"), consents.c.purpose == TRAINING)
    .order_by(consents.c.id.desc())
    .limit(1)
)


def current(connection: Connection, sender_id: str) -> ConsentState:
    """Give the state that counts now; people who never answered are UNKNOWN."""
    return standing(connection, sender_id).state


def standing(connection: Connection, sender_id: str) -> Standing:
    """Give the state that counts now, as :func:`current`, its wording and its time."""
    row = connection.execute(_CURRENT, {"of": sender_id}).first()
    if row is None:
        return Standing(ConsentState.UNKNOWN, None, None)
    return Standing(ConsentState(row.state), row.policy_version, row.recorded_at)


def latest(
    connection: Connection, sender_id: str, *, source: str | None = None
) -> ConsentRecord | None:
    """Give the last decision for training, of one source if asked."""
    columns = [consents.c[name] for name in ConsentRecord.__struct_fields__]
    query = sa.select(*columns).where(
        consents.c.sender_id == sender_id, consents.c.purpose == TRAINING
    )
    if source is not None:
        query = query.where(consents.c.source == source)
    row = connection.execute(query.order_by(consents.c.id.desc()).limit(1)).mappings()
    found = row.first()
    return None if found is None else msgspec.convert(plain(found), ConsentRecord)


def record(connection: Connection, entry: ConsentRecord) -> None:
    """Append a decision to the ledger."""
    connection.execute(consents.insert().values(msgspec.to_builtins(entry)))


def history(connection: Connection, sender_id: str) -> list[ConsentRecord]:
    """Give all decisions of a person, oldest first."""
    columns = [consents.c[name] for name in ConsentRecord.__struct_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(consents.c.sender_id == sender_id)
        .order_by(consents.c.id)
    ).mappings()
    return [msgspec.convert(plain(row), ConsentRecord) for row in rows]
