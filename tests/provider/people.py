"""Who has to do with a ticket: companies, customers, technicians and where they are."""

from dataclasses import dataclass
from random import Random

RESELLERS = (
    ("ORG-410", "Nordlicht Telekom GmbH"),
    ("ORG-417", "Münsterland Netze eG"),
    ("ORG-422", "Rhein-Main Connect AG"),
    ("ORG-431", "Südwest Breitband GmbH"),
    ("ORG-438", "Elbe Voice & Data KG"),
)
TEAMS = (
    ("TEAM-11", "Entstörung Nord"),
    ("TEAM-12", "Entstörung Süd"),
    ("TEAM-20", "Second Level IP"),
    ("TEAM-31", "Glasfaser Montage"),
    ("TEAM-40", "Wholesale Service Desk"),
)
TECHNICIANS = (
    ("IND-7001", "Jürgen Übermuth"),
    ("IND-7002", "Aylin Öztürk"),
    ("IND-7003", "Björn Säger"),
    ("IND-7004", "Małgorzata Wójcik"),
    ("IND-7005", "Tim O'Leary"),
    ("IND-7006", "Käthe Weiß"),
)
FIRST_NAMES = (
    "Anna", "Jörg", "Fatma", "Günther", "Sofia", "Lukas", "Zoë", "Mehmet", "Ingrid", "Noah",
    "Bärbel", "Igor", "Chloé", "Ramón", "Uwe", "Leonie",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Schröder", "Yildiz", "Großmann", "Nowak", "Fischer", "Köhler", "Jäger", "Becker",
    "van den Berg", "Krüger", "Žižek", "Hoffmann", "Lindström", "Weiß", "Schäfer",
)  # fmt: skip
CITIES = (
    ("Gießen", "35390", "0641"),
    ("Köln", "50667", "0221"),
    ("Lübeck", "23552", "0451"),
    ("Görlitz", "02826", "03581"),
    ("Würzburg", "97070", "0931"),
    ("Osnabrück", "49074", "0541"),
    ("Freiburg im Breisgau", "79098", "0761"),
    ("Rostock", "18055", "0381"),
)
STREETS = (
    "Bahnhofstraße", "Am Mühlbach", "Schlossallee", "Lange Gasse", "Königsweg", "An der Börse",
    "Kirchplatz", "Industriering",
)  # fmt: skip
PRODUCTS = ("VDSL 100 Bitstream", "VDSL 250 Bitstream", "FTTH 500 L2-BSA", "FTTH 1000 L2-BSA")


@dataclass(frozen=True, slots=True)
class Line:
    """A customer's line, and who stands around it."""

    line_id: str
    product: str
    city: str
    site: str
    site_id: str
    node: str
    customer: tuple[str, str]
    originator: tuple[str, str]
    owner: tuple[str, str]


def line(chance: Random) -> Line:
    """A line somewhere in the country."""
    city, postcode, area = chance.choice(CITIES)
    number = chance.randrange(10_000, 99_999)
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    return Line(
        line_id=f"DEU.NETZ.{number:05d}{chance.randrange(1000):03d}",
        product=chance.choice(PRODUCTS),
        city=city,
        site=f"{chance.choice(STREETS)} {chance.randrange(1, 140)}, {postcode} {city}",
        site_id=f"SITE-{number}",
        node=f"{area}-{chance.randrange(1, 9)}-{chance.choice('ABCD')}",
        customer=(f"CUS-{chance.randrange(100_000, 999_999)}", name),
        originator=chance.choice(RESELLERS),
        owner=chance.choice(TEAMS),
    )


def party(role: str, who: tuple[str, str], kind: str) -> dict[str, object]:
    """One entry of relatedParty (TMF621 v5)."""
    number, name = who
    place = "partyRole" if kind == "Customer" else "party"
    return {
        "role": role,
        "partyOrPartyRole": {
            "id": number,
            "href": f"https://api.example.net/tmf-api/{place}Management/v5/{kind.lower()}/{number}",
            "name": name,
            "@type": "PartyRoleRef" if kind == "Customer" else "PartyRef",
            "@referredType": kind,
        },
        "@type": "RelatedPartyRefOrPartyRoleRef",
    }
