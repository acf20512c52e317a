"""What is written into notes, reasons and messages: (code, text), German and English."""

ACCEPTED = (
    ("0001", "Störungsmeldung angenommen"),
    ("0001", "Ticket received and validated"),
    ("0002", "Vorgang geprüft und zugeordnet"),
)
STARTED = (
    ("0010", "Bearbeitung begonnen"),
    ("0011", "An Entstörung übergeben"),
    ("0012", "Assigned to second level"),
    ("0013", "Leitungsmessung gestartet"),
)
QUESTIONS = (
    ("6001", "Bitte Messprotokoll nachreichen", "/attachment"),
    ("6002", "Rückrufnummer des Endkunden fehlt", "/relatedParty"),
    ("6003", "Which router model and firmware is in use?", "/note"),
    ("6004", "Terminwunsch des Endkunden erforderlich", "/requestedResolutionDate"),
    ("6005", "Bitte Zugang zum APL klären (Hausmeister)", "/note"),
)
ANSWERS = (
    "Hausmeister Herr Öztürk, Zugang werktags 7-15 Uhr.",
    "Router X7590, Firmware 8.20; Werksreset brachte nichts.",
    "Customer can be reached on the mobile number after 16:00.",
    "Messprotokoll hängt an, 30 Messungen per LAN-Kabel.",
)
HOLDS = (
    ("0050", "Tiefbaugenehmigung der Stadt steht aus"),
    ("0051", "Ersatzteil bestellt, Lieferung in zwei Werktagen"),
    ("0052", "Wartet auf Technikertermin"),
    ("0053", "On hold: frost, no splicing below -5 °C"),
    ("0054", "Waiting for the power company"),
)
RESUMED = (
    ("0014", "Weiterbearbeitung"),
    ("0015", "Genehmigung liegt vor"),
    ("0016", "Information received, work resumed"),
)
REOPENED = (
    ("0060", "Kunde meldet: Fehler besteht weiter"),
    ("0061", "Resolution disputed by customer"),
    ("0062", "Nach zwei Stunden erneut Abbrüche"),
)
CLOSED = (
    ("0090", "Vom Kunden bestätigt"),
    ("0091", "Automatisch geschlossen nach Fristablauf"),
    ("0092", "Confirmed by originator"),
)
REJECTED = (
    ("0031", "Anschluss nicht in unserem Netz"),
    ("0032", "Duplicate of an open ticket"),
    ("0033", "Pflichtangaben fehlen: Leitungsbezeichnung"),
)
CANCELLED = (
    ("0071", "Auf Wunsch des Kunden storniert"),
    ("0072", "Fault cleared by itself"),
)
JEOPARDY = (
    ("7001", "Entstörfrist gefährdet: Techniker ausgefallen"),
    ("7002", "Frist gefährdet: Ersatzteil nicht lieferbar"),
    ("7003", "Agreed time at risk: no access to the building"),
    ("7004", "Zieltermin gefährdet durch Sturmschäden in der Region"),
)
MILESTONES = (
    ("technicianOnSite", "8001", "Techniker vor Ort"),
    ("faultLocated", "8002", "Fehler eingemessen, 412 m ab HVt"),
    ("intermediateMessage", "8003", "Zwischenmeldung: Austausch läuft"),
    ("appointmentConfirmed", "8004", "Appointment confirmed with the end user"),
)
NOTES = (
    "Messung vom HVt: Kurzschluss in Ader b bei etwa 410 m.",
    "Endkunde telefonisch nicht erreicht, zweiter Versuch morgen früh.",
    "Line tested: attenuation 31 dB, margin 5 dB, 212 errored seconds.",
    "Techniker Übermuth übernimmt, Anfahrt ab Gießen.",
    "Austausch der Portkarte geplant, Material liegt im Lager Süd.",
    "Called the end user: fault occurs in the evening only.",
    "KVz geöffnet: Feuchtigkeit, Klemmleiste getrocknet und erneuert.",
    "Rückmeldung an Wholesale-Partner gegeben; Frist bleibt.",
    "Spectrum recorded for 24 hours, disturber around 8 MHz.",
)
INFLIGHT = (
    ("requestedResolutionDate", "Wunschtermin verschieben"),
    ("note", "Zusätzliche Angaben zum Zugang"),
    ("priority", "Raise priority, business customer"),
)
