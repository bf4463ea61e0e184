"""The consent ledger: append-only, the latest row of a purpose counts."""

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


def current(
    connection: Connection, sender_id: str, *, purpose: str = TRAINING
) -> ConsentState:
    """Give the state that counts now; people who never answered are UNKNOWN."""
    state = connection.execute(
        sa.select(consents.c.state)
        .where(consents.c.sender_id == sender_id, consents.c.purpose == purpose)
        .order_by(consents.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return ConsentState.UNKNOWN if state is None else ConsentState(state)


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
