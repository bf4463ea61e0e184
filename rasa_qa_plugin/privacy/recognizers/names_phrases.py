"""The phrases that announce names, by how sure each of them is."""

from typing import Final


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
PHRASES: Final[dict[str, str]] = {
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
