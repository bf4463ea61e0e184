"""Addresses: every way people write them, found whole; what only looks alike, not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.address import AddressRecognizer
from rasa_qa_plugin.settings import PrivacySettings

ENGINE = PrivacyEngine(PrivacySettings())
RECOGNIZER = AddressRecognizer()

# The address stands between angle quotes.
ADDRESSES = """
«Av. Amazonas N24-563 y Cordero»
mi domicilio: «Los Cedros 145»
domicilio: «los cedros 145»
direccion: «zona 10 calle 12»
Dirección de envío: «barrio san josé, casa 12»
dirección: «Los Ceibos 12 y Av. Principal»
vivo en «la 5a avenida 10-45 zona 10»
vivo en «los almendros casa 23, san cristobal zona 8»
vivo en «residenciales el bosque casa 14»
vivimos en «la calle rocafuerte 12-34 y sucre»
mi casa queda en «av. loja 345»
mandalo a «calle larga 7-45 y borrero»
entregar en «Los Rosales 145» por favor
envíen a «Las Acacias 312, Quito»
envíen a «Av. Carlos Julio Arosemena km 2»
entregar en «calle 9 de octubre 1204 y boyacá, piso 3, oficina 12»
el pedido va a «C/ Mayor 12, 2º B, 28013 Madrid»
DIRECCION: «CALLE LARGA 7-45»
«AV. AMAZONAS 345 Y COLON»
«6a. calle 3-20 zona 1, Mixco»
«12 calle 1-25 zona 10 edificio Géminis oficina 502»
«Km 16.5 carretera a El Salvador casa 4»
«Calzada Roosevelt 22-43 zona 11»
«2a calle A 3-45 zona 14»
«5ta avenida norte #12, Antigua Guatemala»
«diagonal 6 10-50 zona 10»
«ruta 3 4-50 zona 4»
«0 calle 15-50 zona 15 Vista Hermosa II»
«boulevard los próceres 24-69 zona 10 torre 3 nivel 14»
«14 av. 5-30 z. 11»
«colonia Las Flores zona 7»
«Pasaje 3 casa 12, colonia Escalón»
estoy en «lote 5 manzana B»
«Cdla. Alborada Mz 12 villa 5»
«cdla la garzota mz 23 villa 11»
«sauces 8 mz 456 v 12»
«Mz. F3 Solar 14»
«Urdesa central, Víctor Emilio Estrada 1021 y Jiguas»
«Cdla. Kennedy Norte, Av. Francisco de Orellana Mz. 111 solar 1»
«Km 12 vía a Daule, bodega 5»
«Eloy Alfaro 1203 y Portugal»
«Av. 6 de Diciembre N34-120 y Bosmediano, Edificio Torre Blanca, piso 4»
«Calle Bolívar y Sucre 123»
«Calle 100 # 8A-55 apto 302»
«Cra 7 No. 71-21»
«Transversal 5 #45-20»
«cll 45 # 12-34 barrio chapinero»
«Calle Hidalgo 45 Int. 3, Col. Centro, CP 06000»
«Av. Reforma 222, Col. Juárez, C.P. 06600, CDMX»
«Av. Insurgentes Sur 1602-401»
«Calle 50, Edificio Global, piso 12»
«Jr. Lampa 545»
«18 de Julio 1234 apto 5»
«Pje. Los Olivos 34 depto 12B»
«Av. Javier Prado Este 1234 Dpto. 501 San Isidro»
«Av. Corrientes 1234 4° B, C1043AAZ Buenos Aires»
«calle de la luna 5 3º izq» por favor
«Avda. Portugal 19. 6C»
«Av. Gral. Flores 716»
«Ctra. de Burgos km 4,5»
«Calle Sol s/n»
«Fuente Nueva, s/n. 18071 Granada»
«Villarroel, 170, 08036 Barcelona»
«Calle Hidalgo, Col. Centro»
«calle Sol nº 12 bis, escalera 2, 3º dcha»
«C/Alcalá nº34 - 1º»
«plaza de España 7, bajo A»
«av5 de junio 123»
«Ap. Postal 1234»
«12 High Street, London SW1A 1AA»
«Flat 3, 12 High Street, London SW1A 1AA»
ship to «Suite 400, 1200 Market Street, Philadelphia, PA 19107»
we are at «One Market Plaza, San Francisco»
«45 W 25th St, New York, NY 10010»
«2500 Highway 6 South, Houston, TX 77082»
«PO Box 1234, Miami, FL 33101»
«Cira Tower South, 2929 Walnut Street»
«350 Fifth Avenue, 21st Floor, New York»
my address is «123 main st apt 4b houston tx 77002»
«8801 nw 23rd st doral fl»
«100 Park Ave # 12-C»
i live at «45 elm street»
they are located at «5500 campanile drive»
«742 Evergreen Terrace»
«221B Baker Street»
«1600 Pennsylvania Avenue NW, Washington, DC 20500»
«5th floor, 100 King Street West, Toronto, ON M5X 1A9»
«77 Sunset Blvd, Los Angeles, California 90001, USA»
«1500 Broadway, Suite 12»
«2232 El Camino Real»
«19 rue de la Paix, 75002 Paris»
«Unit 4821 Box 77, APO AE 09499»
"""

SENTENCES = """
20 is a good place
en camino 2 cajas
via marítima 40 contenedores
ave 2 kg
plaza de trabajo 5
la calle es larga
ruta 40 días
calle 16/20 HLSO
la agudeza visual: AV OD 0,3 y AV de 1
la avenida queda a 5 cuadras
precio 3.45 USD en la plaza 20 cajas
one way street
4 lane road
we need 20 pallets by road
24 hours drive
it's 3 blocks down the street
it is a 20 minute drive
enviar a Houston 2 contenedores
ship to Miami 20 pallets
ship it to 3 customers
entregar en Quito 15 de mayo
entregar en 15 días
enviar a bodega 3
entregar en Puerto Quetzal semana 23
entrega a domicilio: 5 dólares
domicilio: 3 días hábiles
dirección IP 192.168.0.1
we need to address 3 issues
residencia 5 años
vivo en 2 mundos
i live on 20 dollars a day
Factura 1021 y Pedido 1022
Camarón Vannamei 1500 y Langostino 200
Grupo Pesquero 2024 y Camaronera
18 de julio 2024
lote 5 manzana roja
manzana de 5 kg
zona 10
villa 5
camarón entero 16-20 zona 1
HLSO 21-25 zona norte
apto para consumo 20 cajas
TV 55 # 3
marque la casilla 5
apartado 5 del contrato
3 plazas disponibles
20 lb box way
Planta 1234, lote 567
Vía Panamá 20 días
open 5 pl
"""


def lines(table: str) -> list[str]:
    return [line for line in table.strip().splitlines() if line]


def unmarked(line: str) -> tuple[str, str]:
    """Give the text and the address in it."""
    before, _, rest = line.partition("«") if "«" in line else ("", "", line)
    address, _, after = rest.partition("»")
    return before + address + after, address


@pytest.mark.parametrize("line", lines(ADDRESSES))
def test_address_is_found_whole_and_alone(line: str) -> None:
    text, address = unmarked(line)
    assert [
        (span.entity_type, text[span.start : span.end]) for span in ENGINE.find(text)
    ] == [("ADDRESS", address)]


@pytest.mark.parametrize("text", lines(SENTENCES))
def test_what_only_looks_like_an_address_is_left_alone(text: str) -> None:
    assert RECOGNIZER.find(Passage(text)) == []


def test_address_ends_before_what_comes_next() -> None:
    text = "Av. Quito 123, Guayaquil Tel: 0991234567, 20 cajas HLSO 16/20"
    found = ENGINE.find(text)
    assert [text[span.start : span.end] for span in found] == [
        "Av. Quito 123, Guayaquil",
        "0991234567",
    ]


PIECES = sorted(
    {
        piece
        for line in lines(ADDRESSES) + lines(SENTENCES)
        for piece in unmarked(line)[0].split()
    }
)
jumbles = st.tuples(
    st.lists(st.sampled_from([*PIECES, "\n", "s/n", "y"]), max_size=9),
    st.sampled_from((" ", " ", " ", "", "_")),
).map(lambda drawn: drawn[1].join(drawn[0]))


@given(jumbles)
def test_gate_shuts_out_no_address(text: str) -> None:
    for written in (text, "".join(c for c in text if not c.isdigit())):
        passage = Passage(written)
        if not RECOGNIZER.may_hold(passage):
            assert RECOGNIZER.find(passage) == []
        if not (RECOGNIZER.opens(passage.text, passage.words) or passage.digits):
            assert RECOGNIZER.find(passage) == []


@given(jumbles)
def test_masked_address_leaves_nothing_to_find(text: str) -> None:
    out, position = "", 0
    for span in ENGINE.find(text):
        out += text[position : span.start] + f"[{span.entity_type}]"
        position = span.end
    assert ENGINE.find(out + text[position:]) == []
