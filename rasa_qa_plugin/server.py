"""The bot's running server, asked through the plugin's own channel.

A server holds in memory what no database does: recent conversations, and what waits
for the database. No message shows its address, the token or a sender id.
"""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import ConfigError, RasaQAError, StorageUnavailableError

NO_SERVER = "none"
_ROUTES = "/webhooks/qa/"
_HEALTH_SECONDS = 3.0
_ANSWER_SECONDS = 30.0
_OK, _UNAUTHORIZED, _NOT_FOUND, _AWAY = 200, 401, 404, 503


class AbsentError(RasaQAError):
    """There is no running server to ask, which is no fault: the message says why."""


class Server(msgspec.Struct, frozen=True):
    """A running server of this bot, which takes the token."""

    url: str
    token: str

    def set_consent(self, sender_id: str, state: ConsentState) -> int:
        """Record a decision; give how many turns lost their words by it.

        Raises:
            RasaQAError: It was not confirmed.
        """
        path = f"consent/{quote(sender_id, safe='')}"
        body = {"state": state.value}
        _, answer = self._done("POST", path, body)
        return int(answer.get("turns_without_text", 0))

    def erase(self, sender_id: str) -> dict[str, int]:
        """Forget a person there; give how many rows by table, none of a stranger.

        Raises:
            RasaQAError: It was not confirmed; asking again is safe.
        """
        path = f"conversations/{quote(sender_id, safe='')}"
        status, answer = self._done("DELETE", path, None, also=_NOT_FOUND)
        return dict(answer.get("rows", {})) if status == _OK else {}

    def _done(
        self, method: str, path: str, body: Any, *, also: int = _OK
    ) -> tuple[int, dict[str, Any]]:
        try:
            status, answer = self.ask(method, path, body, seconds=_ANSWER_SECONDS)
        except OSError as error:
            raise RasaQAError(
                f"server: stopped answering ({type(error).__name__}); nothing is "
                "confirmed, run the command again"
            ) from None
        if status == _AWAY:
            raise StorageUnavailableError(
                "server: its database is away, or the conversation is busy; nothing is "
                "confirmed, run the command again"
            )
        if status not in (_OK, also):
            raise RasaQAError(
                f"server: answers with HTTP status {status}; look at its log"
            )
        return status, answer

    def ask(
        self, method: str, path: str, body: Any = None, *, seconds: float
    ) -> tuple[int, dict[str, Any]]:
        """Ask one route; give status and answer.

        Neither proxies nor redirects are followed: the token is for this server only.

        Raises:
            OSError: No answer, or none that is HTTP.
        """
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        connection = (
            http.client.HTTPSConnection(
                host, port, timeout=seconds, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=seconds)
        )
        try:
            connection.request(
                method,
                parts.path.rstrip("/") + _ROUTES + path,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {self.token}"},
            )
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (http.client.HTTPException, ValueError) as error:
            raise ConnectionError(type(error).__name__) from None
        finally:
            connection.close()
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        return status, answer if isinstance(answer, dict) else {}


def running_server(bot: Bot, url: str, *, identity: str) -> Server:
    """Give the bot's running server at *url*.

    Args:
        bot: Its credentials.yml has the token.
        url: Where the server would be, or ``none``.
        identity: What the server must say of its database, or it is another bot's.

    Raises:
        AbsentError: There is none to ask; the message says why.
        ConfigError: The address is none, or the server refuses the token.
    """
    if url == NO_SERVER:
        raise AbsentError("no server is asked")
    if not _is_address(url):
        raise ConfigError(
            "--server", "not an address; write http://host:port, https://…, or none"
        )
    try:
        token = bot.channel_token()
    except ConfigError as error:
        raise AbsentError(str(error)) from None
    if token is None:
        raise AbsentError("credentials.yml names no rasa_qa_plugin.QAChannel")
    try:
        server = Server(url, token)
        status, health = server.ask("GET", "health", seconds=_HEALTH_SECONDS)
    except OSError:
        raise AbsentError("no server answers at --server") from None
    if status == _UNAUTHORIZED:
        raise ConfigError(
            "credentials.yml: rasa_qa_plugin.QAChannel.token",
            "the running server refuses it; set it as the server has it, or name "
            "another server with --server URL, or none",
        )
    if "identity" not in health:
        raise AbsentError("the server at --server runs without rasa_qa_plugin")
    if health["identity"] != identity:
        raise AbsentError("the server at --server has another database or secret")
    return server


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
