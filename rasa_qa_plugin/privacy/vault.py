"""Keys: pseudonyms for people, encryption for what may live only for hours."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.settings import SECRET_VARIABLE

PSEUDONYM_PREFIX = "qa_"
_MIN_LENGTH = 16
_NONCE_BYTES = 12


class Vault:
    """Pseudonyms and authenticated encryption from one secret.

    HKDF-SHA256 (RFC 5869) gives one key per use. Several secrets mean rotation: the
    first one encrypts, all of them decrypt, and the last one keeps naming people, so
    that their conversations are still found.
    """

    def __init__(self, secret_values: Sequence[str]) -> None:
        """Derive the keys.

        Raises:
            ConfigError: There is no secret, or one is too short to resist guessing.
        """
        if not secret_values or any(
            len(value) < _MIN_LENGTH for value in secret_values
        ):
            raise ConfigError(
                SECRET_VARIABLE,
                f"needs at least {_MIN_LENGTH} characters; make one with "
                '`python -c "import secrets; print(secrets.token_urlsafe(32))"`',
            )
        self._ciphers = [
            AESGCM(_derive(value, b"rasa_qa originals")) for value in secret_values
        ]
        self._name_key = _derive(secret_values[-1], b"rasa_qa pseudonyms")

    def pseudonym(self, sender_id: str) -> str:
        """Give the name under which *sender_id* is stored: HMAC-SHA256, 128 bits."""
        return PSEUDONYM_PREFIX + self._mac(b"sender", sender_id)[:32]

    def turn_id(self, pseudonym: str, seq: int, message: str) -> str:
        """Give the id of the turn that event *seq* of a conversation begins.

        *message* tells it from the turn of that number before the person was erased.
        """
        return "t_" + self._mac(b"turn", f"{pseudonym}:{seq}:{message}")[:20]

    def ticket_id(self, pseudonym: str, case: str) -> str:
        """Give the id of a case handed over to people; short, for people say it."""
        return "h_" + self._mac(b"ticket", f"{pseudonym}:{case}")[:12]

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt with AES-256-GCM; *context* must be the same to open it again."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, context.encode())

    def unseal(self, sealed: bytes, *, context: str) -> bytes | None:
        """Decrypt, or give None when no secret fits or the bytes were changed."""
        for cipher in self._ciphers:
            with contextlib.suppress(InvalidTag, ValueError):
                return cipher.decrypt(
                    sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
                )
        return None

    def _mac(self, use: bytes, value: str) -> str:
        message = use + b"\0" + value.encode("utf-8", "surrogatepass")
        return hmac.new(self._name_key, message, hashlib.sha256).hexdigest()


def message_ref(message_id: str) -> str:
    """Give a short reference to a user message that is safe to put into a button.

    The action server holds no key, so this is a plain hash; Rasa's message ids are
    random, which keeps it from being guessed. It always has a letter: sixteen digits
    would look like a card.
    """
    digest = hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"f{digest[1:16]}" if digest[:16].isdecimal() else digest[:16]


def open_vault(*, secret: str | None, key_file: Path | None) -> Vault:
    """Make the vault from `RASA_QA_SECRET`, else from a key file beside the database.

    The key file is made on first use, readable by its owner only. Without it the
    conversations of the database cannot be found again: back it up apart from it.

    Raises:
        ConfigError: There is neither a secret nor a place for a key file, or the file
            cannot be read or made.
    """
    if secret:
        return Vault([value.strip() for value in secret.split(",") if value.strip()])
    if key_file is None:
        raise ConfigError(
            SECRET_VARIABLE,
            "not set, and this database has no place for a key file; set it to a long "
            "random value, the same for every server",
        )
    try:
        return Vault([_key_in(key_file)])
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            key_file.name,
            f"cannot be read or made ({type(error).__name__}); set {SECRET_VARIABLE} "
            "or make the folder writable",
        ) from None


def _key_in(path: Path) -> str:
    """Read the key file; make it whole and at once when there is none."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(base64.urlsafe_b64encode(os.urandom(32)).decode() + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link fails when another server made the file meanwhile: theirs counts.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def _derive(secret: str, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=use).derive(
        secret.encode()
    )
