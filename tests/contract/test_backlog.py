"""What waits for the database: on the disk, sealed, in order, and written once."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rasa_qa_plugin.backlog import Backlog, spool_base
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.privacy.vault import Vault
from rasa_qa_plugin.storage.engine import database_url
from rasa_qa_plugin.storage.spool import Spool, files
from tests.conftest import SECRET, Events

WHO = "593998765432"
OTHER_SECRET = "another-secret-long-enough"
WORD = "supercalifragilístico"
VAULT = Vault([SECRET])


def batch(*texts: str, who: str = WHO, **more: Any) -> Batch:
    said = [{"event": "user", "timestamp": 1.0, "text": text} for text in texts]
    return Batch(sender_id=who, events=said, saved_at=7.0, **more)


def backlog(base: Path, *, most_bytes: int = 10**6, secret: str = SECRET) -> Backlog:
    return Backlog(base, Vault([secret]), most_bytes=most_bytes)


def drain(waiting: Backlog, who: str = WHO) -> list[str]:
    said = []
    while one := waiting.first(who):
        said += [event["text"] for event in one.events]
        waiting.done(one)
    return said


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "rasa.db.spool"


LEFT_BEHIND = """
import os, signal, sys
from pathlib import Path
from rasa_qa_plugin.backlog import Backlog
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.privacy.vault import Vault

waiting = Backlog(Path(sys.argv[1]), Vault([sys.argv[2]]), most_bytes=10**6)
for text in sys.argv[3:]:
    said = {"event": "user", "timestamp": 1.0, "text": text}
    waiting.add(Batch(sender_id="593998765432", events=[said], saved_at=7.0))
print("waiting", flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


class Other:
    """Another server of the same bot, in a process of its own."""

    def __init__(self, base: Path, *texts: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LEFT_BEHIND, str(base), SECRET, *texts],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "waiting\n"

    def kill(self) -> None:
        self._process.communicate()
        assert self._process.returncode == -signal.SIGKILL


def test_batches_of_a_killed_process_come_back_in_order(base: Path) -> None:
    Other(base, "uno", "dos", "tres").kill()
    waiting = backlog(base)

    assert waiting.recover() == 3

    first = waiting.first(WHO)
    assert first is not None
    assert (first.saved_at, first.waited, first.replaces) == (7.0, True, False)
    assert (len(waiting), waiting.people()) == (3, [WHO])
    assert drain(waiting) == ["uno", "dos", "tres"]
    assert (len(waiting), WHO in waiting, backlog(base).recover()) == (0, False, 0)


def test_a_batch_that_was_written_does_not_come_back(base: Path) -> None:
    waiting = backlog(base)
    waiting.add(batch("uno"))
    waiting.add(batch("dos"))
    first = waiting.first(WHO)
    assert first is not None
    waiting.done(first)
    waiting.done(first)  # a second writer may be late

    spool = Spool(base)
    assert spool.depth().batches == 1
    assert drain(waiting) == ["dos"]
    assert spool.depth().batches == 0


def test_servers_that_live_keep_their_own_files(base: Path) -> None:
    other = Other(base, "de otro servidor")
    waiting = backlog(base)

    assert waiting.recover() == 0
    waiting.add(batch("mío"))
    assert len(list(files(base))) == 2

    other.kill()
    assert waiting.recover() == 1
    assert drain(waiting) == ["mío", "de otro servidor"]
    assert waiting.recover() == 0
    assert len(list(files(base))) == 1


def test_nothing_readable_is_on_the_disk(base: Path) -> None:
    waiting = backlog(base)
    waiting.add(batch(WORD, f"llámame al {WHO}"))
    waiting.add(batch(WORD * 400))

    for path in base.parent.iterdir():
        content = path.read_bytes()
        assert WORD.encode() not in content
        assert WHO.encode() not in content
        assert path.stat().st_mode & 0o077 == 0


def test_what_is_erased_from_the_spool_is_never_written(base: Path) -> None:
    waiting = backlog(base)
    waiting.add(batch("uno"))
    waiting.add(batch("dos", who="otra"))

    assert Spool(base).forget(VAULT.pseudonym(WHO)) == 1

    assert drain(waiting) == []
    assert WHO not in waiting
    assert drain(waiting, "otra") == ["dos"]


def test_a_full_spool_loses_nothing_and_says_so(
    base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probe = base.with_name("probe.spool")
    backlog(probe).add(batch("uno " + WORD))
    waiting = backlog(base, most_bytes=int(2.2 * Spool(probe).depth().bytes))
    with caplog.at_level(logging.CRITICAL):
        for text in ("uno", "dos", "sol", "mar"):
            waiting.add(batch(text + " " + WORD))

    told = [record.getMessage() for record in caplog.records]
    assert any("% full" in line for line in told)
    assert any("restarting now would lose them" in line for line in told)
    assert WORD not in caplog.text
    assert WHO not in caplog.text
    assert Spool(base).depth().batches == 2
    said = [text.split()[0] for text in drain(waiting)]
    assert said == ["uno", "dos", "sol", "mar"]
    waiting.add(batch("río"))  # there is room again
    assert Spool(base).depth().batches == 1


def test_what_waits_of_a_person_is_forgotten_on_disk_and_in_memory(base: Path) -> None:
    probe = base.with_name("probe.spool")
    backlog(probe).add(batch("uno"))
    waiting = backlog(base, most_bytes=int(2.2 * Spool(probe).depth().bytes))
    waiting.add(batch("eva", who="another-person"))
    for text in ("uno", "dos", "sol"):
        waiting.add(batch(text))
    assert Spool(base).depth().batches == 2  # the others wait in memory only

    assert waiting.forget(WHO) == 3
    assert waiting.forget(WHO) == 0

    assert WHO not in waiting
    assert len(waiting) == 1
    assert Spool(base).depth().batches == 1
    assert drain(waiting) == []
    assert drain(waiting, "another-person") == ["eva"]


def test_without_a_folder_batches_wait_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = backlog(tmp_path / "no-such-folder" / "rasa.db.spool")
    waiting.add(batch("uno"))

    assert "wait in memory only" in caplog.text
    assert drain(waiting) == ["uno"]


def test_batches_of_another_secret_stay_until_it_is_back(
    base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Other(base, "uno").kill()
    stranger = backlog(base, secret=OTHER_SECRET)

    assert stranger.recover() == 0
    assert "holds batches of another secret" in caplog.text
    assert Spool(base).depth().batches == 1


def test_what_json_lacks_does_not_stop_a_batch(base: Path) -> None:
    import numpy as np

    waiting = backlog(base)
    odd = Batch(
        sender_id=WHO,
        events=[{"event": "slot", "name": "n", "value": np.float32(0.5), "x": base}],
    )
    waiting.add(odd)

    (kept,) = Spool(base).read()
    content = json.loads(VAULT.unseal(kept.payload, context="spool") or b"")
    assert content["events"][0]["value"] == 0.5


def test_a_spool_lies_beside_its_database_or_in_the_bot_s_folder(
    tmp_path: Path,
) -> None:
    lite = database_url(db=str(tmp_path / "rasa.db"))
    server = database_url(dialect="postgresql", host="h", db="bots")
    assert spool_base(lite, Path("bot")) == tmp_path / "rasa.db.spool"
    assert spool_base(server, Path("bot")) == Path("bot/bots.spool")


def test_recovery_takes_the_whole_of_a_conversation(base: Path, events: Events) -> None:
    waiting = backlog(base)
    said = [events.session(), events.user("hola"), events.bot("¡Hola!")]
    waiting.add(Batch(sender_id=WHO, events=said, replaces=True))

    assert waiting.events_of(WHO) == said
    assert waiting.events_of("nadie") == []
    assert os.path.exists(base)  # noqa: PTH110


def test_what_the_disk_cannot_hold_waits_in_memory(
    base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = backlog(base)
    waiting.add(Batch(sender_id=WHO, events=[{"event": "slot", ("a", WORD): 1}]))

    assert "TypeError" in caplog.text
    assert WORD not in caplog.text
    assert waiting.first(WHO) is not None


def test_a_spool_that_breaks_later_costs_no_batch(base: Path) -> None:
    waiting = backlog(base)
    waiting.add(batch("uno"))
    with sqlite3.connect(base) as connection:
        connection.execute("DROP TABLE batches")

    assert drain(waiting) == ["uno"]


def test_what_waits_in_memory_goes_to_the_disk_once_there_is_room(base: Path) -> None:
    probe = base.with_name("probe.spool")
    backlog(probe).add(batch("uno"))
    waiting = backlog(base, most_bytes=int(1.2 * Spool(probe).depth().bytes))
    waiting.add(batch("ana", who="otra"))
    for text in ("uno", "dos", "sol"):
        waiting.add(batch(text))  # no room
    assert Spool(base).depth().batches == 1

    waiting._most_bytes = 10**6
    waiting.add(batch("mar"))

    assert Spool(base).depth().batches == 5
    assert waiting._claim is not None
    waiting._claim.release()  # as the end of its process would
    next_process = backlog(base)
    assert next_process.recover() == 5
    assert drain(next_process) == ["uno", "dos", "sol", "mar"]
