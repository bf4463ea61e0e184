"""Words at which a name ends and with which none begins: lower case, no accents."""

from typing import Final

from rasa_qa_plugin.privacy.passage import word_table

_SPANISH: Final = word_table("""
    a abajo aca ademas agradezco agradeceria ahi ahora al algo alguien algun alguna alla
    alli amable amigo amiga amigos ante antes aparece aparte apellido apellidos aqui
    area asi atencion atenta atentamente atento atte aun aunque ayer ayuda ayudar bajo
    bien bot buen buena buenas bueno buenos buscaba buscando busco cada camaron
    camarones caja cajas cantidad capital cargo casa caso cedula cel celular cerca chat
    ciudad claro cliente clientes codigo comercial como compra comprador compradora
    comprando comprar compras compre compro con conmigo conozco consulta consultar
    consultas contabilidad contacto contra cordial cordiales cordialmente correcto
    correo corresponde cotizacion creo cual cuando cuanto cuantos cuenta cuyo da dar das
    datos de debe debo decir deja dejo del desde deseaba desearia deseo despues dia dias
    dice digas digo dije dijeron dio direccion director directora disculpa disculpe dni
    documento domicilio donde dpi durante el ella ellas ellos email empleado encargada
    en encargado encuentra ene entonces entre entrega entregar envia enviame enviar
    envie envio equipo era eres es esa escribe escribo ese eso espero esta estaba estado
    estamos estan estar estara este esten esto estos estoy excelente factura facturacion
    favor fax fecha feliz finanzas firma fono fue fui funcionario gente gerencia gerente
    gracias gusta gustaria gusto ha haber habla hablo hace hacer hacia haciendo hago han
    hasta hay he hemos hice hijo hizo hola hombre hora hoy iba id identidad igual
    importador importadora importante indica informacion interes interesa interesada
    interesado internacional intento ir jefa jefe jovenes juntos la las le les lista
    listo llama llamaba llamada llamando llamar llamo llego llevo lo los luego lugar
    madre mal manana mando maneja manejo mas mayor mayorista me mejor menor menos
    mensaje mi mia mientras mio mis misma mismo movil mucha mucho muchas muchos mujer
    muy nacida nacido nada nadie natural necesita necesitaba necesitamos necesitan
    necesito ni nina ninguna ninguno nino nit no nombre nombres nos nosotros novio novia
    nueva nuevo numero nunca o ofrecemos ofrezco oficina oiga ojala operaciones orden
    otra otras otro otros para paciente padre pago pagos pais parte pasa pasado
    pasaporte pasar pasa pedi pedido pedir pedidos pense pequeno perdon perfecto pero
    persona pido poco poder por porfa porfavor porque posible precio precios pregunta
    preguntar pregunto presenta presente primera primero problema producto productos
    pronto proveedor proveedora pude pudiera puede pueden puedo pues que quede quedo
    queria queremos quien quienes quiere quieren quiero quisiera quisieramos realmente
    recibi recibido recibir recomendo recursos represento representante resido responde
    responsable revisar rfc ruc rut saber saludo saludos saluda se sea secretaria segun
    seguro senor senora senorita senores ser seria servicio servir si sido siempre sin
    sino sistemas sobre socio socia sola solicito solicitar solo somos son soporte soy
    su suyo sus tal tambien tampoco tan tanto tarde tardes tarjeta te tecnico tel
    telefono temprano tengo tenemos tenia tener ti tiempo tiene tienen titular toda
    todavia todo todos tomar trabajo trabaja trabajador trabajando trabajamos tras
    traves tratando tu tus tuve tuyo ubicacion ubicado ubicada ultimo un una unas uno
    unos urgente usar usted ustedes usuario usuaria va vale vamos varon ve vecino
    vendedor vendedora vender vendo venta ventas ver vez vine vive vivo volver voy ya yo
    zona lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril
    mayo junio julio agosto septiembre octubre noviembre diciembre noche noches ocupado
    ocupada enfermo enferma feliz listo lista lactante adjunto adjunta civil agronomo
    agronoma industrial residente medico medica colegiado ncol nºcol administrador
    administradora asesor asesora anonimo anonima dueno duena propietario propietaria
    chofer conductor
""")
_ENGLISH: Final = word_table("""
    able about account active actually address afraid after again agent all almost
    already also always am amazing amount an and another any anyone anything are around
    as asap ask asked asking at available away awesome back bad be because been before
    being best better between big book booking bought business busy but buy buyer buying
    by call called calling came can cannot card care cell chat check checking come
    coming company confused contact correct could curious currently customer customers
    day dear delivery department did different director do does done down driver due
    during each email else employee english enough ever every everyone everything
    excited fax feel fine first for form found free friday from full fun funny further
    general get getting give might client confirmado glad go going gone gonna good got
    gotta great guest had half happy has hate have having he hello help her here hers
    hey hi him his home honest hoping hospital hour hours how however human hungry i if
    in information inside interested international into invoice is isn issue it its just
    keep kind kinda know last late later least leaving left less let like list little
    live living local located location lol long look looking lost lot love made mail
    make making man manager many maybe me mean message mine mobile moderate monday money
    month more most much must my myself name named names national near need needed
    needing needs never new next nice no nobody none nor not nothing now number of off
    office ok okay old on once one online only open or order ordered ordering other our
    ours out over own owner owns paid passport pay payment people person phone place
    placed planning please pleased pm possible pretty price privacy problem product
    purchase purchasing question quite rather ready really reason received regarding
    regards reply representative right running sad sales same saturday savings saw say
    saying scared see seeking seen sell seller selling send sent service shall she
    shipping should sick side simple since sincerely single sir so some someone
    something soon sorry sort spanish speak speaking spoken still stop street stuck such
    sunday super support suppose supposed sure take talk talking team tell test testing
    than thank thankful thanks that the their them then there these they thing things
    think thinking this those though through thursday till time tired to today together
    told tomorrow tonight too total totally transfer travel traveling tried trouble true
    trying tuesday two type unable under unfortunately until up update upset urgent us
    use used user using usually valid vendor very via visiting wait waiting walking want
    wanted wanting wants was way we wednesday week weekend welcome well went were what
    when where whether which while who whole whose why wife will with within without
    woman wondering work worker working works worried would writing wrong year yes
    yesterday yet you young your yours january february march june july august september
    october november december ceo cfo hr
""")
# Not sentences but labels, languages, peoples, and the terms of this trade.
_OTHERS: Final = word_table("""
    cc cui curp nie nif nss ssn iban visa mastercard whatsapp wsp ws tlf telf movil mail
    www http https hlso hoso pud pd pyd iqf fob cfr cif exw ddp dap usd eur lb lbs kg
    espanol ingles frances portugues chino aleman italiano french chinese italian
    portuguese american mexican canadian ecuatoriano ecuatoriana guatemalteco
    guatemalteca chapin chapina mexicano mexicana colombiano colombiana peruano peruana
    chileno chilena espanola argentino argentina salvadoreno hondureno
""")
# Surnames all the same: they end a name only where they are written small.
SURNAMES_TOO: Final = frozenset(
    word_table(
        "bueno young will may mayor best little long love price pais domingo julio"
    )
)
LIMITS: Final = frozenset((*_SPANISH, *_ENGLISH, *_OTHERS)) - frozenset(
    word_table("julio martin")
)
