"""Numberings of masked values: sealed, remembered, and never trusted over the table."""

from rasa_qa_plugin.numbering import Numberings, read
from rasa_qa_plugin.privacy.vault import Vault
from tests.conftest import SECRET

WHO = "qa_0123456789abcdef"
VAULT = Vault([SECRET])
HOUR = 3600.0


def numberings(ttl: float = HOUR) -> Numberings:
    return Numberings(VAULT, ttl=ttl)


def test_a_value_keeps_its_token_in_this_process_and_the_next() -> None:
    ours = numberings()
    first = ours.open(WHO, None, now=0.0)
    first.tokens.learn("PHONE", "0991234567")
    first.tokens.learn("PHONE", "0987654321")
    sealed = ours.seal(WHO, first)
    assert sealed is not None
    assert b"0991234567" not in sealed

    for opened in (
        ours.open(WHO, sealed, now=1.0),
        numberings().open(WHO, sealed, now=1.0),
    ):
        assert opened.tokens.token("PHONE", "0987654321") == "[PHONE_2]"
        assert opened.since == 0.0


def test_what_a_failed_transaction_taught_is_not_used() -> None:
    ours = numberings()
    numbering = ours.open(WHO, None, now=0.0)
    numbering.tokens.learn("PHONE", "0991234567")
    stored = ours.seal(WHO, numbering)
    lost = ours.open(WHO, stored, now=1.0)
    lost.tokens.learn("NAME", "Ana Luna")
    ours.seal(WHO, lost)  # and then the database refuses

    again = ours.open(WHO, stored, now=2.0)

    assert [token for token, _ in again.tokens.known_values()] == ["[PHONE]"]


def test_nothing_new_is_not_sealed_again() -> None:
    ours = numberings()
    numbering = ours.open(WHO, None, now=0.0)
    numbering.tokens.learn("ID", "1710034065")
    sealed = ours.seal(WHO, numbering)
    same = ours.open(WHO, sealed, now=1.0)
    assert ours.seal(WHO, same) == sealed
    same.tokens.learn("ID", "0102030405")
    assert ours.seal(WHO, same) != sealed


def test_a_numbering_begins_anew_when_its_time_is_over() -> None:
    ours = numberings()
    numbering = ours.open(WHO, None, now=0.0)
    numbering.tokens.learn("NAME", "Ana Luna")
    sealed = ours.seal(WHO, numbering)

    late = ours.open(WHO, sealed, now=HOUR)

    assert (len(late.tokens), late.since) == (0, HOUR)
    assert numberings(ttl=0.0).seal(WHO, numbering) is None


def test_bytes_of_another_conversation_or_secret_open_nothing() -> None:
    ours = numberings()
    numbering = ours.open(WHO, None, now=0.0)
    numbering.tokens.learn("NAME", "Ana Luna")
    sealed = ours.seal(WHO, numbering)
    assert read(VAULT, "qa_other", sealed) is None
    assert read(Vault(["another-secret-long-enough"]), WHO, sealed) is None
    assert len(ours.open("qa_other", sealed, now=1.0).tokens) == 0


def test_memory_lets_go_of_who_is_forgotten() -> None:
    ours = numberings()
    numbering = ours.open(WHO, None, now=0.0)
    numbering.tokens.learn("NAME", "Ana Luna")
    ours.seal(WHO, numbering)
    assert len(ours._recent) == 1
    ours.forget(WHO)
    ours.forget("qa_stranger")
    assert not ours._recent
