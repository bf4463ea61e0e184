"""Pseudonyms and encryption."""

from pathlib import Path

import pytest

from rasa_qa_plugin.actions.feedback import message_ref as ref_of_actions
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.vault import Vault, message_ref, open_vault

OLD, NEW = "the former secret, sixteen+", "the present secret, sixteen+"


def test_a_pseudonym_is_stable_keyed_and_hides_the_id() -> None:
    name = Vault([OLD]).pseudonym("593990000000")

    assert name == Vault([OLD]).pseudonym("593990000000")
    assert name != Vault([NEW]).pseudonym("593990000000")
    assert name != Vault([OLD]).pseudonym("593990000001")
    assert name.startswith("qa_")
    assert "59399" not in name


def test_what_was_sealed_opens_only_in_its_place_and_unchanged() -> None:
    vault = Vault([OLD])
    sealed = vault.seal(b"secret", context="qa_1:7")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])

    assert vault.unseal(sealed, context="qa_1:7") == b"secret"
    assert vault.unseal(sealed, context="qa_1:8") is None
    assert vault.unseal(changed, context="qa_1:7") is None
    assert vault.unseal(b"", context="qa_1:7") is None
    assert Vault([NEW]).unseal(sealed, context="qa_1:7") is None
    assert b"secret" not in sealed


def test_rotation_reads_old_writes_new_and_keeps_people() -> None:
    before, after = Vault([OLD]), Vault([NEW, OLD])
    sealed = before.seal(b"x", context="c")

    assert after.unseal(sealed, context="c") == b"x"
    assert before.unseal(after.seal(b"y", context="c"), context="c") is None
    assert after.pseudonym("a") == before.pseudonym("a")


@pytest.mark.parametrize("secret", ["short", f"{OLD},short", " , "])
def test_a_weak_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ConfigError, match="RASA_QA_SECRET") as caught:
        open_vault(secret=secret, key_file=None)

    assert "short" not in str(caught.value)


def test_without_secret_a_key_file_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "bot.db.key"

    first = open_vault(secret=None, key_file=file)
    second = open_vault(secret=None, key_file=file)

    assert first.pseudonym("a") == second.pseudonym("a")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_key_file_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.key: cannot be read or made"):
        open_vault(secret=None, key_file=tmp_path / "missing" / "x.key")


def test_actions_and_store_name_a_message_alike() -> None:
    for message_id in ("a1b2", "wamid.HBgM=/+", "ñ😀", "\ud800"):
        assert ref_of_actions(message_id) == message_ref(message_id)
