"""Common names, and the words that are no part of any: lower case, no accents.

Written by hand. A name is never found because it is in a table; the tables only tell
where an announced name begins and ends when capitals do not.
"""

from typing import Final

from rasa_qa_plugin.privacy.passage import word_table

# Given names that are hardly anything else in a Spanish or English chat.
GIVEN: Final = frozenset(
    word_table("""
        aaron abel abigail abner abraham absalon ada adalberto adela adolfo adrian
        adriana agustin ahmed aida aileen ainhoa aisha alan albert alberto alejandra
        alejandro alex alexa alexander alexandra alexis alfonso alfredo alice alicia
        alison allison alonso alvaro amanda amelia amit amy ana anabel andrea andreas
        andres andrew andy angelica angelina angie anibal anil anita ann anna anne annie
        anthony antonia antonio araceli ariana ariel arjun armando arnold arthur arturo
        ashley astrid augusto aurelio axel barbara beatriz belen benedicto benito
        benjamin bernard bernardo bertha bjorn blas bob bonnie boris bradley brandon
        braulio brayan brenda brent brett brian brianna bruce bruno bryan byron calixto
        camila camilo candice carl carla carlo carlos carmela carmelo carmen carol
        caroline carolyn cassandra catalina catherine cathy cayetano cecilia celia
        celina celso cesar chad charles chepe chloe chris christian christina christine
        christopher cindy ciro claire clara claudia claudio clotilde cody colin connie
        corey corina courtney craig crisanto cristian cristina cristobal cynthia
        dagoberto daisy damian dan daniel daniela danielle danilo danna danny dario
        darlene darren darwin dave david dayana debbie deborah deepak delfina delia
        demetrio denise dennis derek diana diane diego dina dmitri dominic donald donna
        dora dorian doris dorothy douglas duncan dylan eddie edelmira edgar edith
        edmundo eduardo edward edwin efrain efren eileen eladio elaine eleanor elena
        eliana elias elisa eliseo elizabeth ellen ellie elliot ellis elmer eloisa eloy
        elsa elvira elvis emanuel emerson emilia emiliano emilio emily emma enrique eric
        erica erick ericka erik erika erin ernest ernesto esteban estefania esther ethan
        eugenia eugenio eulalia eunice eusebio eva evan evaristo evelina evelyn fabian
        fabiana fabiola fabricio facundo fatima fausto federico felicia felipe felix
        fermin fernanda fernando fidel fiona florentino floridalma francesca francesco
        francis francisca francisco fred freddy frederick gabriel gabriela galo gary
        gaspar gaston gavin genaro genoveva geoffrey george gerald geraldine gerardo
        gerson gilbert gilberto gina giovanni gisela giulia gladis gladys gloria
        gonzalo graham grecia greg gregorio gregory greta gretchen guillermo gustavo
        hannah hans harold harriet harry hassan hayley heather hector heidi helen helena
        henry heriberto hernan heydi hilario hilda hipolito hiroshi holly homero horacio
        howard hubert hugo humberto ian ibrahim ignacio iker ilse imelda ines ingrid
        irene iris irma isaac isabel isabella isaias isidro ismael israel ivan ivana
        ivanka ivonne jacinto jack jackie jacob jacobo jacqueline jacques jaime jair
        jairo jake james jamie jan jane janet janeth javier javiera jean jeanette
        jeannie jeff jefferson jeffrey jenifer jennifer jenny jeremy jerome jerry jesica
        jesse jessica jesus jhon jhonatan jhonny jill jim jimena jimmy joan joana joanna
        joaquin jocelyn jodi joe joel johanna john johnny jon jonathan jorge jose josefa
        josefina joselyn joseph josh joshua josselyn josue juan juana juanita juanjo
        judith judy julia julian juliana julie julieta julio jurgen karen karina karl
        karla karol kasey kate katherin katherine kathleen kathryn kathy katia katie
        kayla keith kelly kelvin ken kenia kenji kenneth kenny kevin keyla kim kimberly
        klaus kristen kristin kristina kurt kyle larry lars latoya laura lauren lazaro
        leah leandro leigh leonardo leonel leonidas leonor lesley leslie leticia liam
        lidia lilia lilian liliana lindsay lindsey lisa lizbeth lois lola lorena lorenzo
        loretta lorraine louis louise lourdes luca lucas lucho lucia luciana luciano
        lucila lucille lucy luis luisa lupe lydia lyle lynn mabel magaly magdalena
        mallory manolo manuel manuela marcela marcelina marcelo marcia marco marcos
        marcus margaret margarita maria mariana mariano maribel maricarmen maricela
        maricruz marie mariela marielos marilyn mario marisol marissa maritza marjorie
        marlene marleny marlon marta martha martin martina marvin mary mateo mathew
        matias matt matteo matthew maura maureen maurice mauricio mauro maximiliano
        maxine maya maynor mayra megan melanie melina melinda melissa melvin meredith
        micaela michael michel michelle miguel mike milagros mildred milton mindy
        mirella mireya miriam mirna mitchell mohamed mohammed moises molly monica
        monique monserrat muhammad myriam nacho nadia nadine nahum nancy naomi narcisa
        natalia natalie nataly natasha nathaly nathan nathaniel neftali nelly nelson
        nereida nestor nicanor nicholas nick nicolas nicole nidia nigel nils noe
        noel noelia noemi nohemi nora norah norberto norma nubia obdulio octavio odalys
        odilia ofelia olegario olena olga olivia omar onofre orlando oscar osvaldo
        oswaldo otoniel otto pablo paco pamela pamella pancho paola pascual patricia
        patricio patrick patty paul paula paulina pauline paulo pedro peggy pepe peter
        petrona phil philip phillip phyllis pierre pilar preston priscila priya quentin
        rachel rafael rafaela rahul ralph ramiro ramon ramona randall randy raquel raul
        ray raymond rebeca rebecca rebekah reginald reinaldo renata renee reynaldo
        rhonda ricardo richard rigoberto rita robert roberta roberto robin rocio rodney
        rodolfo rodrigo rogelio roger roland rolando romina ronald ronnie rony rosalia
        rosalie rosana rosaura rosemary rosendo rosie roxana roxanne roy ruben rudy
        rufino russell ruth ryan sabrina sadie salome sam samantha samara samuel sandra
        sanjay sara sarah saul scott sean sebastian selena serafin sergei sergio shannon
        sharon shaun shawn sheila sheryl shirley sidney silvana silvestre silvia simon
        simone sixto sofia sonia sophia sophie spencer stacey stacy stanley stefan
        stefany stephanie stephen steve steven stuart sunil susan susana susanna susie
        suzanne sven sylvia tadeo tamara tania tanya tara tasha tatiana ted telma
        teodoro teresa teresita terry thelma theresa thomas tiffany tim timothy tina
        tobias toby todd tom tomas tommy tony tracey tracy travis trevor tulio tyrone
        ulises valentin valentina valentino valeria valerio vanesa vanessa velma vera
        veronica vicente vicky victor victoriano vijay vilma vince vincent vinicio
        virgilio vivian viviana vivienne vladimir walter wanda washington wei wenceslao
        wendy wilber wilfredo wilfrido william willy wilma wilmer wilson wladimir
        wolfgang xavier xiao ximena xiomara yadira yamilet yamileth yaneth yasmin
        yesenia yesica yolanda yuki yuliana yulissa yusuf yvette yvonne zachary zenaida
        zoe zoila zulema
        """)
)
# Given names that are words or places too: only a capital makes them names.
DOUBTFUL_GIVEN: Final = frozenset(
    word_table("""
        abril alba alma amber amparo angel angela april art asuncion august aurora
        austin azul bella ben bert beth beto bianca bill blanca brad brooke cameron
        candelaria carolina celeste charity charlie charlotte chase chelsea chema christ
        clark claude clemente concepcion concha consuelo crystal dalia dawn dean destiny
        dolores domingo drew dulce earl edison esperanza estela eve ezequiel faith flor
        flora florence florencia frank gene georgia german gil gordon grace gracia grant
        guadalupe guy heath heidy hope hunter ida inmaculada ivy jackson jade jasmine
        jasper jay jazmin jewel josefin joy joyce june justice justin justo kara lance
        lee lenin leo leon lily linda luke luna luz macarena madison marc marina mark
        mars max maximo may melody memo mercedes mia milena miles mitch morgan nieves
        norman olive paris parker pat patience paz pearl penny perla pia piedad raymundo
        regina remedios rene rex rich rob rod roman romeo ron rosa rosalind rosario rose
        ruby rusty sally salvador santiago santos savannah segundo shane skip sky
        socorro sol soledad sonny stalin stella sue summer sydney tito trinidad troy
        tyler urbano val valor vicenta victoria viola violet violeta virginia virtudes
        wade ward warren wayne will woody
        """)
)
SURNAMES: Final = frozenset(
    word_table("""
        abad acosta acuna adams aguilar aguilera aguirre ajanel ajpop alarcon alfaro
        allen almeida alonso alvarado alvarez amador amaya anderson andrade angulo
        aquino aragon arana araujo arce ardon arevalo arguello argueta arias armijos
        arroyo arteaga avendano avila ayala bahamonde bailey baker balcazar ballesteros
        barahona barrera barreto barrientos barrios batista batres bautista becerra
        belalcazar bell beltran benalcazar benavides benitez bennett bermudez bernal
        berrios blanco bolanos bonifaz bonilla borja bravo brenes briones brito brooks
        brown bueno buitrago burgos bustamante bustos butler caal caballero cabrera
        caceres cadena calderon calvo camacho campbell campos cano cardenas cardona
        carmona carranza carrasco carrera carrillo carter carvajal casanova castaneda
        castellanos castellon castillo castrillo castro catalan cedeno centeno cerda
        cervantes cespedes cevallos chacon chavarria chavez chinchilla chiriboga choque
        cifuentes cisneros clark clarke coello cohen cole coleman collins contreras cook
        cooper cordero cordova coronado coronel correa cortes cortez cox cruz cuellar
        cuevas culajay davies davis delgado diaz dixon doe dominguez donoso duarte dubon
        duenas duran echeverria edwards egas elizondo ellis escalante escobar escobedo
        espinal espinosa espinoza esquivel estevez estrada estupinan evans fajardo
        falconi farfan farinango fernandez ferrer figueredo figueroa fletcher flores
        florian fonseca foster franco freeman fuentes gaibor galarza galindo gallardo
        gallegos galvez gamboa garces garcia garner garrido garza gaytan gibson giraldo
        godinez godoy gomes gomez gonzales gonzalez gordon graham gray green greene
        griffin guaman guamanzara gudino guerra guerrero guevara gutierrez guzman
        hamilton hansen haro harris harrison hart hawkins henderson henriquez heredia
        hernandez herrera herrero hicks hidalgo hill hinojosa hoffman holmes howard
        howell hudson huerta hughes hurtado ibanez ibarra iglesias intriago izquierdo
        jackson jacobs jacome jara jaramillo jenkins jensen jimenez johnson jones juarez
        kelly kennedy khan kim king kumar lainez landaverde lara larios larson lawrence
        lazo leal lee leiva lemus leon lewis linares llerena lloyd loor lopes lopez
        loyola lozano lucas lucero luna machado macias maldonado mancilla manrique
        marchena marin marquez marroquin marshall marti martin martinez martino mata
        matute mayorga maza mazariegos mccoy mcdonald medina mejia melendez melendrez
        melgar mena menchu mendez mendieta mendoza menendez mera merchan merino mesa
        meyer meza mijangos miller miramontes miranda mitchell mojica molina moncada
        monge monroy montalvo montenegro montero montes montoya montufar moore mora
        morales moran moreira moreno morera morgan morillo morris morton moscoso
        mosquera moya munguia munoz murillo murphy murray myers najarro naranjo narvaez
        nava navarrete navarro nelson nguyen nichols nieto noboa nogales noriega nunez
        obando ocampo ochoa ojeda oliva olivares oliveira olmedo olsen olson oquendo
        orantes ordenes ordonez orejuela orellana orozco orta ortega ortiz osorio ospina
        ospino otero otzoy ovalle owens pabon pacheco padilla paez palacios palma
        palomino pantoja paredes parker parra pasquel pastrana patel patino patterson
        payne pazmino pellecer pena penafiel peralta perdomo pereira perez perry peters
        peterson phillips pilco pineda pinto pinzon pizarro polanco ponce porras
        portillo powell prado price prieto puente quezada quijano quijije quinde
        quinones quinonez quintana quintero quiroga quiroz quishpe quispe ramirez ramon
        ramos ramsey rangel rebolledo recalde recinos reed requena restrepo reyes
        reynolds reynoso ricci richardson rico riley rincon rios riquelme rivas rivera
        rivero roberts robinson robledo robles roca rodas rodriguez roe rogers rojas
        roldan rolon roman romano romero rosado rosales rosario ross rossi ruano rubio
        rueda ruiz russell russo ryan saavedra saenz saez sagastume salas salazar
        salcedo saldana salguero salinas salvatierra samayoa sanabria sanchez sanders
        sandoval santacruz santamaria santana santiago santos saravia sarmiento schmidt
        schneider schultz segovia sepulveda sequeira serna serrano shaw sican sierra
        silva simmons simpson singh smith snyder solano solares solis soliz solorzano
        soria sorto sosa soto spencer stevens stewart suarez suazo sullivan tamayo tapia
        taylor tejada tejeda tello tenorio teran thomas thompson toledo toro torrealba
        torres tovar tran trejo trujillo tucker turner tzoc tzul tzunun ulloa urbina
        urena urgiles uribe urrutia uzcategui vaca vaides valadez valdes valdez valdivia
        valencia valenzuela valladares valle vallecillo vallejo varela vargas vasconez
        vasquez vazquez vega vela velasco velasquez velez venegas vera verdugo vergara
        vidal viera vilchez villa villacis villafuerte villagran villalba villalobos
        villamar villanueva villareal villarroel villegas vinueza wagner walker wallace
        wang ward warren watkins watson weaver webb weber wheeler white williams willis
        wilson wong wood wright xicara yanes yanez yang yepez young yupanqui zabala
        zacarias zaldivar zambrano zamora zapata zavala zelaya zepeda zhang zuniga
        zurita
        """)
)
LEXICON: Final = GIVEN | DOUBTFUL_GIVEN | SURNAMES

# Between the parts of a name. The second table only before a capital.
PARTICLES: Final = frozenset(word_table("de del la las los san y e"))
CAPITAL_PARTICLES: Final = PARTICLES | frozenset(
    word_table(
        "van von der den da das do dos di della du le el al ben bin ter santa vda viuda"
    )
)
JOINING: Final = frozenset(word_table("y e"))
# A name may begin with these where nothing but a name can stand.
OPENING: Final = frozenset(word_table("de del san van von da di du"))

TITLES: Final = frozenset(
    word_table("""
        sr sra srta sres srs senor senora senorita don dona dr dra doctor doctora ing
        ingeniero ingeniera lic licda licenciado licenciada lcdo lcda abg abogado
        abogada arq prof profesor profesora econ mr mrs ms miss mister sir madam
        professor captain capitan padre hermana vda tio tia uncle aunt
    """)
)
# A person's name is over, or was never there, beside these.
COMPANIES: Final = frozenset(
    word_table("""
        sa cia ltda ltd llc inc corp corporation corporacion company compania co
        gmbh srl sas eirl plc group grupo holding holdings bank banco banca
        cooperativa empresa empresas comercial comercializadora distribuidora
        importadora exportadora empacadora camaronera pesquera pescaderia
        procesadora industrias industria agencia naviera seafood seafoods foods
        food fish shrimp trading imports exports import export logistics logistica
        shop store tienda supermercado supermercados restaurant restaurante hotel
        hospital clinica clinic centro center centre instituto institute
        universidad university colegio escuela school ministerio municipio
        departamento department servicio servicios service services unidad
        fundacion foundation asociacion association airlines airport aeropuerto
        lines line express apartments apartamentos market markets farms farm club bar
        cafe spa
    """)
)
