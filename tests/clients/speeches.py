"""What the synthetic voices read."""

from __future__ import annotations

from tests.clients.audio import Speech

HARBOUR = Speech(
    "harbour",
    "en-gb",
    "The harbour was quiet when the first boats came home. Nobody had slept, and the lamps along"
    " the pier burned low in the rain. A boy counted the ropes, lost his number, and began again"
    " from the end. Seven barrels, four crates of lemons, and a cage with a sleeping parrot were"
    " carried up the steps. Later the captain told the story of the island that moved, and how"
    " the birds had led them out of the fog. No one believed a word of it, but they poured him"
    " another glass and asked for more.",
    title="Northern Lights",
    artist="Ada Lindqvist",
    mbid="d3f78328-1787-47fb-994d-a5a342446525",
)
WERKSTATT = Speech(
    "werkstatt",
    "de+f3",
    "In der Werkstatt roch es nach Öl und nassem Holz. Die alte Uhr über der Tür ging zwölf Minuten"
    " vor, und niemand wollte sie stellen. Der Meister legte die Feile beiseite, hob das Zahnrad"
    " gegen das Licht und schüttelte langsam den Kopf. Draußen fuhr ein Wagen mit Milchkannen"
    " vorbei, dann wurde es wieder still. Am Abend schlossen sie die Läden, zählten die Schrauben"
    " und gingen am Fluss entlang nach Hause, während über den Dächern der erste Schnee fiel.",
    title='Ünïcode "Söng" <1> & 夜',
    artist="Ünïcode",
    mbid="7212a866-f195-40ca-a96d-a7eaa367852d",
)
MARCHE = Speech(
    "marche",
    "fr-fr",
    "Le marché ouvrait à six heures, bien avant le lever du soleil. Les marchands de fromage"
    " criaient leurs prix, et les chiens dormaient sous les tables. Une vieille dame choisissait"
    " une à une ses poires, les tournait dans sa main, puis les reposait avec un soupir. Près de la"
    " fontaine, deux musiciens accordaient leurs violons sans se regarder. Quand les cloches"
    " sonnèrent midi, tout le monde rangea ses caisses, et la place resta vide jusqu'au lendemain.",
    title="Jour de marché",
    artist="La Voix de Synthèse",
)
UNHEARD = Speech(
    "unheard",
    "es+m5",
    "El tren de la tarde llegó con dos horas de retraso, y en el andén ya no quedaba nadie. El jefe"
    " de estación apagó el farol, guardó las banderas y miró el horizonte amarillo. Un viajero"
    " bajó con una maleta de cartón y preguntó por el camino del molino. Caminaron juntos entre los"
    " olivos, hablando del precio del trigo, de la sequía y de una boda que nunca se celebró."
    " Cuando vieron las luces del pueblo, el viajero dio las gracias y siguió solo.",
    title="Nadie en el andén",
    artist="Nadie",
)
SUBMITTED = (HARBOUR, WERKSTATT, MARCHE)
