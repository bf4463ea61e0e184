"""`qa.yml` as frozen structs: every default is private, unknown keys are errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.rejection import explained

SECRET_VARIABLE = "RASA_QA_SECRET"  # noqa: S105 - the name, not the secret

Fraction = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
MaskedType = Literal[
    "PHONE",
    "EMAIL",
    "CARD",
    "ACCOUNT",
    "ID",
    "ADDRESS",
    "NAME",
    "SECRET",
    "IP",
    "URL",
    "OTHER",
]
# ISO 3166-1 codes of the countries whose number forms and documents are known.
Country = Literal["AR", "CL", "CO", "EC", "ES", "GT", "MX", "PE", "US", "UY"]
COUNTRIES: tuple[Country, ...] = get_args(Country)
Section = TypeVar("Section", bound=msgspec.Struct)
WithoutConsent = Literal["structure", "anonymized", "nothing"]
Gate = Literal["standard", "strict", "field"]


class PrivacySettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What is masked, and how long originals may live.

    Attributes:
        live_ttl_hours: Hours for which the encrypted originals of masked events can be
            read back, so that a restarted server goes on where it was.
        slots: Slot name to type; values of these slots are masked whatever they hold.
        entities: Entity name to type, likewise.
        exclude: Slot and entity names that sound personal but are not.
        allow: Business terms ("HLSO 16/20") that are never masked.
        countries: Countries whose telephone and document numbers are known by their
            form alone; a cue word, a plus sign or a full IBAN counts for all countries.
        detect_also: ``IP`` and ``URL``, which are not masked by default.
        recognizers: File of further recognizers in Presidio's YAML format, relative to
            the folder of `qa.yml`.
        ner: Language (``es``, ``en``) to an installed spaCy model, for names
            that no cue announces; the model reads every message, which takes longer.
    """

    live_ttl_hours: Annotated[float, msgspec.Meta(ge=0.0)] = 24.0
    slots: dict[str, MaskedType] = {}
    entities: dict[str, MaskedType] = {}
    exclude: list[str] = []
    allow: list[str] = []
    countries: tuple[Country, ...] = COUNTRIES
    detect_also: list[Literal["IP", "URL"]] = []
    recognizers: str | None = None
    ner: dict[Literal["es", "en"], str] = {}


class ConsentSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What may be kept of people who did not say yes.

    Attributes:
        without_consent: ``structure`` keeps event types, intents and numbers,
            ``anonymized`` keeps masked texts, ``nothing`` keeps no row.
        policy_version: Version of the wording people agree to; goes into the ledger.
    """

    without_consent: WithoutConsent = "structure"
    policy_version: Annotated[str, msgspec.Meta(max_length=64)] = "1"

    @property
    def keeps_rows(self) -> bool:
        """Whether people who did not agree leave any row in the archive."""
        return self.without_consent != "nothing"


class ReviewSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Which turns are worth reading.

    Attributes:
        low_confidence: Flag turns whose top intent is less sure than this.
        ambiguity_margin: Flag turns whose two best intents are closer than this.
        novelty: Flag turns that are at least this unlike the training data.
        repeated: Flag a turn when the next one shares this much of its wording.
        repeated_within_minutes: How soon that next turn must come.
        handoff_actions: Actions that hand over to people; the turn before is flagged.
        out_of_scope_intent: Intent of turns that are none of the bot's business, for
            its key in `rasa-qa annotate`.
        approval: Whether `rasa-qa merge` takes approved corrections only.
        two_people: Likewise, and whoever approves one must not have annotated it.
    """

    low_confidence: Fraction = 0.7
    ambiguity_margin: Fraction = 0.15
    novelty: Fraction = 0.97
    repeated: Fraction = 0.6
    repeated_within_minutes: Annotated[float, msgspec.Meta(ge=0.0)] = 10.0
    handoff_actions: tuple[str, ...] = ("action_human_handoff",)
    out_of_scope_intent: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = (
        "out_of_scope"
    )
    approval: bool = False
    two_people: bool = False

    @property
    def needs_approval(self) -> bool:
        """Whether nothing is merged before somebody approved it."""
        return self.approval or self.two_people


class StorageSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What happens while the database is away.

    Attributes:
        spool_megabytes: How much may wait, encrypted, on the local disk.
    """

    spool_megabytes: Annotated[float, msgspec.Meta(gt=0.0)] = 256.0


class EscalationSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What becomes of a conversation that is handed over to people.

    Attributes:
        history_turns: How many of the last turns a ticket shows, with consent.
        notify: Apprise URLs that are told of each ticket; secrets as ``${VARIABLE}``.
        include_message: Whether they are told the last message too, masked and with
            consent; what is sent out, no erasure reaches.
    """

    history_turns: Annotated[int, msgspec.Meta(ge=0, le=50)] = 5
    notify: tuple[str, ...] = ()
    include_message: bool = False


class TrainingSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How a candidate model is made and judged.

    Attributes:
        test_set: Held-out NLU file, relative to the bot folder; training never sees it.
        max_leaked: Refuse to train when more of the test rows than this share stand in
            the training data.
        test_stories: File or folder of ``test_*.yml`` conversations; none is no fault.
        gate: ``standard`` refuses a proven fall, ``strict`` demands proof that there is
            none, ``field`` refuses when macro-F1 falls by more than 5 % of what it was.
        max_f1_drop: Refuse a candidate whose macro-F1 falls by more than this.
        min_test_rows: Fewer rows never let a candidate through on their own.
        intent_support: Test rows from which on a single intent is guarded.
        max_intent_drop: Refuse when the F1 of such an intent falls by more than this,
            and chance explains it no better than *intent_p_value*.
        intent_p_value: See *max_intent_drop*.
        retrain_after: Merged corrections after which ``retrain --if-due`` trains.
        keep_models: How many former models stay for ``rasa-qa rollback``.
        timeout_minutes: Stop a training that takes longer.
        notify: Apprise URLs that are told how a run ended; secrets as ``${VARIABLE}``.
    """

    test_set: str = "tests/nlu_test.yml"
    max_leaked: Fraction = 0.05
    test_stories: str = "tests"
    gate: Gate = "standard"
    max_f1_drop: Fraction = 0.02
    min_test_rows: Annotated[int, msgspec.Meta(ge=2)] = 20
    intent_support: Annotated[int, msgspec.Meta(ge=1)] = 10
    max_intent_drop: Fraction = 0.1
    intent_p_value: Fraction = 0.1
    retrain_after: Annotated[int, msgspec.Meta(ge=20)] = 100
    keep_models: Annotated[int, msgspec.Meta(ge=1)] = 5
    timeout_minutes: Annotated[float, msgspec.Meta(gt=0.0)] = 120.0
    notify: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of `qa.yml`."""

    privacy: PrivacySettings = PrivacySettings()
    consent: ConsentSettings = ConsentSettings()
    storage: StorageSettings = StorageSettings()
    review: ReviewSettings = ReviewSettings()
    escalation: EscalationSettings = EscalationSettings()
    training: TrainingSettings = TrainingSettings()


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `tracker_store` in endpoints.yml.

    Attributes:
        url: Host, host:port, or a whole database URL, as for Rasa's ``type: SQL``.
        query: Passed on to the driver: ``sslmode``, ``sslrootcert`` and so on.
        login_db: Database to connect to first, where the one of the bot is created if
            it is missing; PostgreSQL only.
        startup_wait_seconds: How long a server that starts waits for a database that
            does not answer yet; commands never wait.
        settings: Path of `qa.yml`, relative to the bot folder.
    """

    dialect: str = "sqlite"
    url: str | None = None
    port: int | str | None = None
    db: str = "rasa.db"
    username: str | None = None
    password: str | None = None
    query: dict[str, str | int | list[str]] | None = None
    login_db: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    startup_wait_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 30.0
    settings: str | None = None

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> "Connection":
        """Read the keys, refusing those we do not know.

        Raises:
            ConfigError: A key is unknown or has a value of the wrong type.
        """
        known = cls.__struct_fields__
        for key in raw:
            if key not in known and key != "type":
                raise ConfigError(
                    f"endpoints.yml: tracker_store.{key}",
                    f"unknown setting; choose from {', '.join(known)}",
                )
        fields = {field.name: field.type for field in msgspec.structs.fields(cls)}
        values = {}
        for key, value in raw.items():
            if key == "type":
                continue
            # Rasa fills ``${VARIABLES}`` in as text, numbers too.
            strict = key != "startup_wait_seconds"
            try:
                values[key] = msgspec.convert(value, fields[key], strict=strict)
            except msgspec.ValidationError:
                raise ConfigError(
                    f"endpoints.yml: tracker_store.{key}",
                    "has a value of the wrong type; see `rasa-qa help tracker_store`",
                ) from None
        return cls(**values)


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What Rasa's ``type: SQL`` takes from the environment, for PostgreSQL only.

    Attributes:
        schema: The schema of all tables; None for the database's own default.
        pool_size: Connections kept open; 0 for no limit.
        max_overflow: Connections opened beyond them while needed; -1 for no limit.
    """

    schema: str | None = None
    pool_size: int = 4
    max_overflow: int = 4

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServerOptions":
        """Read Rasa's variables; one that is empty counts as not set.

        Raises:
            ConfigError: A number is none, or below what the pool understands.
        """
        values: dict[str, Any] = {"schema": environment.get("POSTGRESQL_SCHEMA")}
        for field, variable, least in (
            ("pool_size", "SQL_POOL_SIZE", 0),
            ("max_overflow", "SQL_MAX_OVERFLOW", -1),
        ):
            try:
                number = int(environment.get(variable) or getattr(cls(), field))
            except ValueError:
                raise ConfigError(
                    variable, "not a whole number; write 5, or unset it"
                ) from None
            if number < least:
                raise ConfigError(variable, f"too small; write {least} or more")
            values[field] = number
        return cls(**{key: value for key, value in values.items() if value != ""})


def load_settings(path: Path | None) -> Settings:
    """Read `qa.yml`, or give the defaults when *path* is None.

    Raises:
        ConfigError: The file is missing or not YAML, a key is unknown, or a value has
            the wrong type or range. The message names file and key.
    """
    if path is None:
        return Settings()
    settings = parse_settings(read_yaml(path), source=path.name)
    privacy = settings.privacy
    if privacy.recognizers is not None:
        file = str(path.parent / privacy.recognizers)
        privacy = msgspec.structs.replace(privacy, recognizers=file)
        settings = msgspec.structs.replace(settings, privacy=privacy)
    return settings


def parse_settings(raw: Any, *, source: str = "qa.yml") -> Settings:
    """Turn parsed YAML into settings, or say which key is wrong.

    Raises:
        ConfigError: As for :func:`load_settings`.
    """
    if raw is None:
        return Settings()
    return read_as(Settings, raw, source)


def read_as(kind: type[Section], raw: Any, source: str) -> Section:
    """Turn parsed YAML into a struct, or say which key of *source* is wrong.

    Raises:
        ConfigError: As for :func:`load_settings`.
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise explained(str(error), raw, source, kind) from None


def read_yaml(path: Path) -> Any:
    """Parse a YAML file into plain Python values.

    Raises:
        ConfigError: The file is missing, unreadable or not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = (
            "run `rasa-qa init`" if path.name == "endpoints.yml" else "check the path"
        )
        raise ConfigError(path.name, f"file not found; {remedy}") from None
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read ({type(error).__name__}); save it as UTF-8 text"
        raise ConfigError(path.name, problem) from None
    try:
        return parser().load(text)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = "not valid YAML; check indentation and quotes"
        raise ConfigError(f"{path.name}{line}", problem) from None
    except YAMLError:
        raise ConfigError(path.name, "not valid YAML; check the file") from None


class _PlainConstructor(SafeConstructor):
    """Leaves ``${VARIABLES}`` alone.

    Rasa teaches ruamel's shared constructor to expand them, so a process that has
    imported Rasa would read a file differently from one that has not.
    """


_PlainConstructor.add_constructor("!env_var", SafeConstructor.construct_yaml_str)


def parser() -> YAML:
    """Give a YAML parser that reads alike with and without Rasa in the process."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _PlainConstructor
    return yaml
