"""Messages to the team through Apprise: e-mail, webhook, chat. Rasa-free."""

import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rasa_qa_plugin.errors import ConfigError

if TYPE_CHECKING:
    from apprise import Apprise

_VARIABLE = re.compile(r"\$\{(?P<name>[^}]+)\}")
_TALKATIVE = ("apprise", "urllib3.connectionpool", "requests_oauthlib.oauth1_auth")
# Says of a log record, which a filter sees in the thread it comes from, whose it is.
_thread = threading.local()


def services(urls: Sequence[str], *, key: str) -> list["Apprise"]:
    """Give what sends to each address that a *key* of qa.yml lists.

    Raises:
        ConfigError: One is none, or names a variable that is not set.
    """
    return [_service(url, f"qa.yml: {key}[{at}]") for at, url in enumerate(urls)]


def announce(services: Sequence["Apprise"], *, title: str, body: str) -> int:
    """Tell every address once; give how many were not reached."""
    with discreetly():
        return sum(not one.notify(body, title=title) for one in services)


@contextmanager
def discreetly() -> Iterator[None]:
    """Keep addresses, which hold tokens, out of the log: ours says what is wrong."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_is_of_others)
    _thread.is_ours = True
    try:
        yield
    finally:
        _thread.is_ours = False


def _service(url: str, place: str) -> "Apprise":
    import apprise  # half a second, and only for who wants to be notified

    def variable(match: re.Match[str]) -> str:
        name = match["name"]
        try:
            return os.environ[name]
        except KeyError:
            raise ConfigError(
                place, f"the environment variable {name} is not set"
            ) from None

    asset = apprise.AppriseAsset(
        app_id="rasa-qa", app_desc="rasa-qa", async_mode=False, secure_logging=True
    )
    service = apprise.Apprise(asset=asset)
    with discreetly():
        is_known = service.add(_VARIABLE.sub(variable, url))
    if not is_known:
        raise ConfigError(
            place, "not an address that Apprise knows; see its list of services"
        )
    return service


def _is_of_others(_record: logging.LogRecord) -> bool:
    return not getattr(_thread, "is_ours", False)
