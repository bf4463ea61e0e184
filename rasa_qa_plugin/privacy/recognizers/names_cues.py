"""The phrases beside which a name stands, and how sure each of them is."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple

from rasa_qa_plugin.privacy.passage import word_table


class Kind:
    """What a cue asks of the words beside it before they are taken for a name.

    Attributes:
        SURE: Nothing: what follows is a name however it is written.
        FIELD: The same, after the sign of a form such as a colon.
        SOFT: A capital, or a common given name.
        SELF: The same; many things but names follow "soy".
        LABEL: The same, after the sign of a form.
        TITLE: The same; not where a street or a hospital is called so.
        CLOSING: The same, up to the end of the line.
        LIKELY: Two words with capitals, or a common name.
        INTRO: A common name.
        HINT: A common name, with a capital or with another one.
        THANKS: A closing where the next line begins, else a hint.
        SURE_AFTER: The name stands before the cue, however it is written.
        HINT_AFTER: It stands before the cue and holds a common name.
    """

    SURE: Final = "sure"
    FIELD: Final = "field"
    SOFT: Final = "soft"
    SELF: Final = "self"
    LABEL: Final = "label"
    TITLE: Final = "title"
    CLOSING: Final = "closing"
    LIKELY: Final = "likely"
    INTRO: Final = "intro"
    HINT: Final = "hint"
    THANKS: Final = "thanks"
    SURE_AFTER: Final = "sure after"
    HINT_AFTER: Final = "hint after"


# "[a|b|]" stands for either or nothing. Lower case, no accents.
_PHRASES: Final[dict[str, str]] = {
    Kind.SURE: """
        me [llamo | yamo | llammo | llmo | iamo];
        [mi | mi primer | mi segundo] [nombre | nomre | nombr | nonbre | nobre | nombe]
            [es | e];
        mi [nombre completo | nombre y apellido | nombre y apellidos] [es | son |];
        mis [nombres | apellidos | nombres y apellidos] son;
        mi [apellido | segundo apellido] es;
        a [nombre | nomre | nombr] [de | del | d];
        my [| full | first | last | legal | given | middle | own] [name | nam | nme] [is
            | s | iz];
        my [name's | surname is];
        my [full | first | last] name's;
        [usted | ud | te | le] habla con;
        nombre [del | de la | de mi] [cliente | titular | comprador | compradora |
            contacto | paciente | beneficiario | destinatario | remitente | encargado |
            encargada] es
    """,
    Kind.FIELD: """
        [nombre | nombres] [| completo | completos | y apellido | y apellidos];
        [nombre | nombres] [del | de la | de] [| la] [cliente | titular | comprador |
            compradora | contacto | paciente | beneficiario | usuario | solicitante |
            representante | destinatario | remitente | encargado | conductor | huesped |
            pasajero | persona | interesado | dueno];
        [apellido | apellidos | primer apellido | segundo apellido | primer nombre];
        [full | first | last | middle | given | family | customer | client | contact |
            legal | guest | passenger | recipient | patient | buyer | cardholder |
            account holder] name;
        [name | surname | lastname | firstname | fullname | account name |
            nombrecompleto]
    """,
    Kind.SOFT: """
        [nombre | nombre es | nombre seria | mi nombre | me llaman | me dicen];
        [the name | his name | her name | name] is;
        [in | under] the name [of |];
        [| te | le | les | quien le | quien les | aqui | aqui le | quien] [habla |
            saluda | escribe];
        [| te | le | les | quien le | quien les] [habla | saluda | escribe] [el | la |
            su amigo];
        [se llama | de parte de | de parte del | on behalf of];
        [soy yo | call me | everyone calls me | people call me];
        [checking | savings | bank] account of;
        [dirigido | dirigida | dirigirse] a;
        [attn | att | atn];
        [mi | su | tu] [esposo | esposa | marido | hermano | hermana | hijo | hija |
            papa | mama | novio | novia | primo | prima | cunado | cunada | socio |
            socia | jefe | jefa | asistente | abuelo | abuela | suegra | suegro | mujer
            | colega | vecino | vecina];
        [my | his | her] [wife | husband | brother | sister | son | daughter | mother |
            father | boyfriend | girlfriend | partner | cousin | boss | assistant |
            coworker | colleague | friend | roommate | fiance | nephew | niece |
            partner's name | wife's name | husband's name]
    """,
    Kind.SELF: """
        [soy | soy el | soy la];
        [i am | i'm | im]
    """,
    Kind.LABEL: """
        [cliente | titular | usuario | usuaria | beneficiario | beneficiaria | paciente
            | contacto | comprador | compradora | vendedor | vendedora | representante |
            solicitante | remitente | destinatario | conductor | chofer | encargado |
            encargada | responsable | empleado | asesor | asesora | dueno | propietario
            | interesado | gerente | recibe | retira | autorizado | firma | garante |
            conyuge | pasajero | huesped | asegurado | atencion];
        [titular de la cuenta | titular de cuenta | medico | responsable clinico |
            representante legal | persona de contacto | contacto comercial | nombre de
            usuario | atencion a];
        [customer | client | contact | patient | guest | passenger | recipient |
            beneficiary | buyer | seller | manager | owner | cardholder | tenant |
            driver | attention | sender | contact person | point of contact | account
            holder | ship to | bill to | signed]
    """,
    Kind.TITLE: """
        [sr | sra | srta | sres | srs | senor | senora | senorita | don | dona | dr |
            dra | ing | ingeniero | ingeniera | lic | licda | licenciado | licenciada |
            lcdo | lcda | abg | arq | econ | mr | mrs | ms | prof]
    """,
    Kind.CLOSING: """
        [saludos | un saludo | saludos cordiales | un cordial saludo | cordialmente |
            atte | atentamente | muy atentamente | att | afectuosamente | se despide |
            suscribe];
        [regards | best regards | kind regards | warm regards | best wishes | sincerely
            | yours truly | yours sincerely | sincerely yours | cheers | cordially |
            respectfully]
    """,
    Kind.LIKELY: """
        [remitido por | firmado por | elaborado por | solicitado por | enviado por |
            autorizado por | atendido por | recomendado por | recibido por | referred by
            | signed by | sent by | sold by];
        [contacto | encargado | encargada | titular | beneficiario | beneficiaria |
            gerente | representante | dueno | duena | comprador | vendedor | responsable
            | cliente | destinatario | asesor | asesora | doctor | doctora] es;
        [manager | contact | owner | buyer | customer | beneficiary | recipient | driver
            | doctor | contact person | representative] is;
        [appointment | meeting | session | consultation | booking | visit] with;
        [cita | reunion | consulta | turno] con [el | la |];
        [psychologist | psychiatrist | therapist | counselor | dentist | lawyer |
            attorney | nurse | representante legal | contact person | contact name |
            persona de contacto | point of contact];
        [firma | remitente | destinatario | beneficiario | beneficiaria | titular]
    """,
    Kind.INTRO: """
        [this is | habla con | hablas con | my name];
        [hola | buenas | buenos dias | buenas tardes | buenas noches | estimado |
            estimada | querido | querida | apreciado | apreciada | oiga | oye | hi |
            hello | hey | dear | good morning | good afternoon | good evening]
    """,
    Kind.HINT: """
        [somos | named | called | name's | name];
        [miss | doctor | doctora | uncle | aunt | tio | tia | abogado | abogada |
            arquitecto | captain | licda | professor | profesor | profesora | economista
            | contador | contadora | agente | maestro | maestra | asesor | asesora |
            vendedor | vendedora | gerente | gerente general | gerente de ventas |
            chofer | conductor | encargado | encargada];
        [contact | contacto];
        [ask for | asking for | speak with | speak to | speaking with | speaking to |
            talk to | talk with | talking to | talked to | spoke with | spoke to | reach
            out to | met with | meet with];
        [pregunte por | preguntar por | preguntando por | hablar con | hable con | hablo
            con | hablando con | hablamos con | comunicar con | comunica con |
            comunicarse con | comunicarme con | comunicacion con | comuniquese con |
            coordinar con | contactar a | contacte a | contactarse con | avisar a |
            avisarle a | llamar a | llame a | entregar a | entregarle a | enviar a |
            recibe | recibira | retira | retirara | recoge | recogera | autorizo a |
            atiende | atendio];
        [send it | transfer it | wire it | give it | pay it | send them | send this |
            send that | money | dollars | bucks | funds | payment | transfer | send |
            pay | account | savings | checking] to [| my | your] [| uncle | aunt |
            friend | brother | sister];
        [account of | behalf of | name of | a cargo de];
        [datos | telefono | celular | numero | correo | email | contacto | direccion |
            domicilio | residencia | ubicacion | documento | identificacion | identidad
            | cedula | dpi | dni | rut | nit | ruc | pasaporte | cuenta | tarjeta |
            registro | whatsapp | firma | expediente | ficha | cumpleanos | contacto
            comercial] [| de contacto | de identidad | de identificacion | personales |
            personal | registrada | actual | de correspondencia] [de | del | de la];
        [cliente | usuario | usuaria | paciente | responsable | representante |
            comprador | registro | reg | persona | identidad | asegurado | informacion |
            medico];
        [beneficiary | recipient | customer | client | patient | buyer | agent | manager
            | owner]
    """,
    Kind.THANKS: """
        [gracias | muchas gracias | thanks | thank you | many thanks | bendiciones |
            best | buen dia | feliz dia]
    """,
    Kind.SURE_AFTER: """
        es [mi nombre | mi nombre completo | como me llamo];
        is my [| full | first | last ]name
    """,
    Kind.HINT_AFTER: """
        [| quien ][le | les | te] [saluda | escribe | habla];
        [para servirle | para servirles | a la orden | a sus ordenes | por aqui |
            speaking];
        [is speaking | at your service | over here | here];
        [presenta documento | presenta dpi | presenta cedula | vive en | reside en |
            lives at | lives in | resides at | domiciliado en | domiciliada en | con
            domicilio | identificado con | identificada con | portador de | portadora de
            | mayor de edad | con documento | con cedula | con dpi | con dni | con rut |
            con nit | con ruc]
    """,
}


class Cue(NamedTuple):
    """One place where a phrase stands."""

    start: int
    end: int
    kind: str


_FREQUENT: Final = frozenset(
    word_table("i it is to me my your con mi su tu es el la de le por")
)
_FREQUENT_TOO: Final = _FREQUENT | frozenset(
    word_table("this with them that people first last full own over under the")
)


def _expand(template: str) -> Iterator[str]:
    """Give every phrase that a template stands for."""
    parts = re.split(r"\[([^\]]*)\]", template)
    choices = [part.split("|") if n % 2 else [part] for n, part in enumerate(parts)]
    for chosen in product(*choices):
        phrase = " ".join("".join(chosen).split())
        if phrase:
            yield phrase


def _key(phrase: str) -> str:
    """Give the word of a phrase that the fewest texts hold, as far as length tells."""
    return max(_words(phrase), key=lambda word: (word not in _FREQUENT, len(word)))


def _words(phrase: str) -> list[str]:
    return re.findall(r"\w+", phrase)


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    either = "|".join(
        re.escape(phrase).replace(r"\ ", " {1,3}")
        for phrase in sorted(phrases, key=len, reverse=True)
    )
    return re.compile(rf"(?:{either})(?!\w)")


# A phrase may be two cues: "cliente:" is a label, "cliente" only a hint.
_KINDS: Final[dict[str, list[str]]] = {}
for _kind, _templates in _PHRASES.items():
    for _template in _templates.split(";"):
        for _phrase in _expand(_template):
            _KINDS.setdefault(_phrase, []).append(_kind)

_BY_KEY: Final[dict[str, dict[str, list[str]]]] = {}
for _phrase in _KINDS:
    _firsts = _BY_KEY.setdefault(_key(_phrase), {})
    _firsts.setdefault(_words(_phrase)[0], []).append(_phrase)

# All phrases of a pattern begin with one plain word: that makes the search a fast one.
_PATTERNS: Final = {
    key: tuple((first, _pattern(phrases)) for first, phrases in firsts.items())
    for key, firsts in _BY_KEY.items()
}
# With the second word anywhere in the text, the first may stand before a name.
_LOOSE: Final = {
    key: (frozenset(word_table(company)), kind, re.compile(rf"\b{key} (?:el |la )?"))
    for key, kind, company in (
        (
            "with",
            Kind.LIKELY,
            """appointment appt meeting session therapist psychiatrist psychologist
            counselor doctor dentist lawyer""",
        ),
        ("con", Kind.LIKELY, "cita turno reunion doctor doctora"),
        ("to", Kind.HINT, "transfer money send wire bucks dollars pay venmo zelle"),
        (
            "a",
            Kind.HINT,
            "transferir transfiera transferencia depositar deposite pagar",
        ),
    )
}
_LOOSE_KEYS: Final = frozenset(_LOOSE)
_PATTERN_KEYS: Final = frozenset(_PATTERNS)

_SINGLE: Final = frozenset(phrase for phrase in _KINDS if phrase.isalpha())


def _gate_word(phrase: str) -> str:
    """Give a word of a phrase; at best one that has to open the gate anyhow."""
    return max(
        _words(phrase),
        key=lambda word: (word in _SINGLE, word not in _FREQUENT_TOO, len(word)),
    )


# Without any of these there is no cue.
KEYS: Final = frozenset(map(_gate_word, _KINDS)).union(
    *(company for company, _, _ in _LOOSE.values())
)
# Without any of these, no cue is sure of itself or stands behind its name.
FIRM_KEYS: Final = frozenset(
    _gate_word(phrase)
    for phrase, kinds in _KINDS.items()
    if not {Kind.SURE, Kind.FIELD, Kind.SURE_AFTER, Kind.HINT_AFTER}.isdisjoint(kinds)
)

_GAP: Final = re.compile(
    r"(?P<dot>\.?)(?P<gender>a\b)?(?P<sign> ?[:=]| -(?= ))?,?[ \n]{0,3}"
    r"(?:(?<=[ \n:=,.])[\"'\u201c\u00ab(*_]{1,2})?"
)
_SIGNED: Final = frozenset((Kind.FIELD, Kind.LABEL))
_DOTTED: Final = frozenset((Kind.TITLE, Kind.CLOSING, Kind.THANKS))
_OF_PLACES: Final = frozenset((Kind.TITLE, Kind.HINT, Kind.LIKELY))
_AFTER: Final = frozenset((Kind.SURE_AFTER, Kind.HINT_AFTER))


class _Kinds(NamedTuple):
    """The kinds of one phrase: behind a name, before a sign, before anything else."""

    after: tuple[str, ...]
    signed: str | None
    plain: str | None


def _ranked(kinds: Iterable[str]) -> _Kinds:
    after = tuple(kind for kind in kinds if kind in _AFTER)
    others = [kind for kind in kinds if kind not in _AFTER]
    plain = next((kind for kind in others if kind not in _SIGNED), None)
    signed = next((kind for kind in others if kind in _SIGNED), plain)
    return _Kinds(after, signed, plain)


_RANKED: Final = {phrase: _ranked(kinds) for phrase, kinds in _KINDS.items()}
# "product name:" announces a product; alone, the word announces a person.
_ALONE: Final = frozenset(("name", "nombre", "nombres"))
_ALONE_BEFORE: Final = re.compile(r"[^\W\d_][ \t]{0,3}$")
_PLACES: Final = frozenset(
    word_table("""
        hospital clinica clinic hotel colegio escuela school instituto avd avda avenida
        av calle c plaza pza paseo street pseo blvd parque barrio colonia
    """)
)
_NO_PERSONS: Final = re.compile(rf"\b(?:{'|'.join(sorted(_PLACES))})\b[^,;:\n\ufffc]*$")
_REACH: Final = 40


def cues_in(plain: str, words: frozenset[str]) -> list[Cue]:
    """Give the cues of a text, in order; *plain* is lower case without accents.

    The end of a cue that a name follows is where that name may begin.
    """
    cues: list[Cue] = []
    for key in _PATTERN_KEYS & words:
        matches: list[re.Match[str]] = []
        for first, pattern in _PATTERNS[key]:
            if first in words:
                matches += _standing(pattern, plain)
        if len(matches) > 1:
            matches.sort(key=re.Match.start)
        end = 0
        for match in matches:
            if match.start() >= end:
                end = match.end()
                cues += _cues_at(plain, words, match)
    for key in _LOOSE_KEYS & words:
        company, kind, pattern = _LOOSE[key]
        if not company.isdisjoint(words):
            cues += (Cue(*m.span(), kind) for m in pattern.finditer(plain))
    if len(cues) > 1:
        cues.sort(key=lambda cue: (cue.start, -cue.end))
    return cues


def _standing(pattern: re.Pattern[str], plain: str) -> list[re.Match[str]]:
    """Give every match that begins where a word does, overlaps and all."""
    matches = []
    match = pattern.search(plain)
    while match is not None:
        start = match.start()
        if not start or not (plain[start - 1].isalnum() or plain[start - 1] == "_"):
            matches.append(match)
        match = pattern.search(plain, start + 1)
    return matches


def _cues_at(plain: str, words: frozenset[str], match: re.Match[str]) -> list[Cue]:
    start, end = match.span()
    phrase = " ".join(match.group().split())
    kinds = _RANKED[phrase]
    cues = [Cue(start, end, kind) for kind in kinds.after]
    gap = _GAP.match(plain, end)
    assert gap is not None  # noqa: S101 - all of it is optional
    dot, sign = gap.group("dot", "sign")
    # A form's word needs its sign; after any other phrase a sign says nothing.
    kind = kinds.plain if sign is None else kinds.signed
    if kind is None or (dot and kind not in _DOTTED):
        return cues
    before = max(0, start - _REACH)
    if phrase in _ALONE and _ALONE_BEFORE.search(plain, before, start):
        return cues
    if (
        kind in _OF_PLACES
        and not _PLACES.isdisjoint(words)
        and _NO_PERSONS.search(plain, before, start)
    ):
        return cues
    if kind == Kind.THANKS:
        kind = Kind.CLOSING if "\n" in gap.group() else Kind.HINT
    cues.append(Cue(start, gap.end(), kind))
    return cues
