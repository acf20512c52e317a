"""What goes wrong: kinds of trouble, with the words that customers and technicians use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A kind of trouble."""

    key: str
    names: tuple[tuple[str, str], ...]
    """(name, description): German and English ones, as they come in."""
    ticket_type: str
    specification: str
    fault: bool
    """Told as FIT's FaultTicket."""
    share: int
    """How often it happens, against the others."""
    severities: tuple[str, ...]
    hours: tuple[float, float]
    """Agreed hours to resolution, and median hours of work that it really takes."""
    causes: tuple[tuple[str, str], ...]
    """(message code, text): what it turned out to be."""


PROBLEMS: tuple[Problem, ...] = (
    Problem(
        key="noSync",
        names=(
            ("Kein Sync", "DSL-LED am Modem blinkt seit heute früh, keine Synchronisation. Modem wurde getauscht, Fehler bleibt. Prüfschleife am APL negativ."),
            ("Anschluss tot nach Gewitter", "Nach dem Gewitter in der Nacht kein Sync mehr. Kunde hat Überspannungsschutz geprüft, Endgerät leuchtet. Bitte Leitung messen."),
            ("No sync on line", "Line has been down since 06:40. Customer swapped the modem and bypassed in-house wiring; no carrier at the first socket."),
        ),
        ticket_type="Fault", specification="SPEC-1001", fault=True, share=18,
        severities=("Major", "Major", "Critical", "Minor"), hours=(30, 12),
        causes=(
            ("0018", "Kabelbruch zwischen KVz und APL, Doppelader getauscht"),
            ("0041", "Portkarte im DSLAM defekt, Port umgeschaltet"),
            ("0070", "Korrodierte Klemmstelle am APL erneuert"),
            ("0022", "Modem reset remotely, line retrained at full rate"),
        ),
    ),
    Problem(
        key="packetLoss",
        names=(
            ("Paketverluste am Abend", "Zwischen 19 und 23 Uhr 4-9 % Paketverlust, Videokonferenzen brechen ab. Traceroute liegt bei; der Sprung steckt hinter dem BNG."),
            ("Packet loss towards Frankfurt", "3 % loss from the second hop, jitter above 80 ms. Traces taken at 10:15 and 18:30 are attached."),
        ),
        ticket_type="Degradation", specification="SPEC-1002", fault=True, share=13,
        severities=("Minor", "Major"), hours=(60, 24),
        causes=(
            ("0112", "Überlast am Aggregationsring, Kapazität erweitert"),
            ("0115", "Faulty optics on the uplink replaced, loss below 0.01 %"),
            ("0117", "Fehlerhafte QoS-Klasse korrigiert"),
        ),
    ),
    Problem(
        key="dslamOutage",
        names=(
            ("Großstörung DSLAM", "DSLAM nicht erreichbar, alle Anschlüsse des Hauptverteilers betroffen. Stromausfall beim Versorger gemeldet."),
            ("DSLAM outage", "Node unreachable since the power dip; several hundred lines without service. Field force informed."),
        ),
        ticket_type="Outage", specification="SPEC-1003", fault=True, share=4,
        severities=("Critical",), hours=(8, 4),
        causes=(
            ("0201", "Netzteil getauscht, Gerät läuft redundant"),
            ("0204", "Stromversorgung durch den Versorger wiederhergestellt"),
        ),
    ),
    Problem(
        key="slow",
        names=(
            ("Internet zu langsam", "Gebucht 250 Mbit/s, an der Dose kommen 38 Mbit/s an. Messprotokoll der Breitbandmessung liegt bei (30 Messungen an 3 Tagen)."),
            ("Slow internet", "Speed is well below the agreed minimum, wired and with one device only. Measurements attached."),
            ("Geschwindigkeit bricht ein", "Tagsüber gut, abends fällt die Leitung auf 16 Mbit/s zurück. Kundin droht mit Kündigung - bitte bevorzugt prüfen."),
        ),
        ticket_type="Degradation", specification="SPEC-1002", fault=True, share=15,
        severities=("Minor", "Minor", "Major"), hours=(84, 35),
        causes=(
            ("0131", "Profil stand auf 50 Mbit/s, auf 250 Mbit/s umgestellt"),
            ("0133", "Störstrahler (Netzteil im Nachbarhaus) gefunden"),
            ("0018", "Bridge tap removed from in-house wiring"),
        ),
    ),
    Problem(
        key="drops",
        names=(
            ("Verbindungsabbrüche", "Leitung trennt 10- bis 20-mal am Tag, CRC-Fehler hoch. Log des Routers angehängt."),
            ("Intermittent drops", "Session drops every few minutes, resync takes about 90 seconds. Started after works in the street."),
        ),
        ticket_type="Fault", specification="SPEC-1001", fault=True, share=12,
        severities=("Minor", "Major"), hours=(60, 26),
        causes=(
            ("0019", "Wackelkontakt im Kabelverzweiger behoben"),
            ("0041", "DSLAM port swapped, no drops for four hours"),
            ("0135", "Auf robusteres Leitungsprofil umgestellt"),
        ),
    ),
    Problem(
        key="fibre",
        names=(
            ("ONT meldet LOS", "Rote LOS-Leuchte am ONT, kein Licht. Im Nachbarhaus wird gebaggert."),
            ("Fibre cut by excavator", "Contractor hit the duct at about 11:20; splice team needed. Eleven households are without service."),
            ("Glasfaser: Dämpfung zu hoch", "Empfangspegel -28,4 dBm am ONT, Abbrüche bei Kälte. Bitte Spleiß im Gf-AP prüfen."),
        ),
        ticket_type="Fault", specification="SPEC-1004", fault=True, share=9,
        severities=("Critical", "Major", "Major"), hours=(30, 16),
        causes=(
            ("0301", "Glasfaser neu gespleißt, Dämpfung 0,08 dB"),
            ("0303", "Stecker im Gf-AP gereinigt, Pegel -19,2 dBm"),
            ("0305", "ONT replaced and provisioned"),
        ),
    ),
    Problem(
        key="voice",
        names=(
            ("Kein Freizeichen", "SIP-Registrierung schlägt mit 403 fehl, Internet funktioniert. Rufnummern abgehend und ankommend betroffen."),
            ("One-way audio", "Callers cannot hear the customer, worse on calls to mobile. Two call ids in the note."),
        ),
        ticket_type="Fault", specification="SPEC-1005", fault=True, share=7,
        severities=("Major", "Minor"), hours=(30, 11),
        causes=(
            ("0401", "SIP-Zugangsdaten neu gesetzt"),
            ("0403", "Session border controller rule corrected"),
        ),
    ),
    Problem(
        key="billing",
        names=(
            ("Rechnungsreklamation", "Für den gestörten Zeitraum wurde die volle Grundgebühr berechnet. Bitte anteilige Gutschrift nach § 58 TKG prüfen."),
            ("Billing dispute", "Charged twice for the same line in the last bill; we ask for a credit of the second position."),
            ("Technikeranfahrt berechnet", "Anfahrt in Rechnung gestellt, obwohl der Fehler im Netz lag. Gutschrift erbeten."),
        ),
        ticket_type="Bill Dispute", specification="SPEC-2001", fault=False, share=8,
        severities=("Minor",), hours=(240, 104),
        causes=(
            ("1087", "Gutschrift in voller Höhe"),
            ("1088", "Teilgutschrift nach Prüfung der Störungsdauer"),
            ("1090", "Charge is correct, explained to the customer"),
        ),
    ),
    Problem(
        key="relocation",
        names=(
            ("Umzug: Leitung an neuer Adresse fehlt", "Schalttermin war gestern, an der neuen Adresse liegt kein Signal an. Die alte Leitung ist schon abgeschaltet!"),
            ("Relocation delayed", "Moved on the 1st; the port at the new site is still assigned to the previous tenant."),
        ),
        ticket_type="Provisioning", specification="SPEC-2002", fault=False, share=5,
        severities=("Major", "Minor"), hours=(144, 60),
        causes=(
            ("1201", "Leitung am neuen Standort geschaltet"),
            ("1203", "Port released and reassigned"),
        ),
    ),
    Problem(
        key="porting",
        names=(
            ("Rufnummernportierung verzögert", "Portierung bestätigt, aber eingehende Anrufe landen noch beim abgebenden Anbieter."),
            ("Wrong number ported", "One of four numbers was ported to the wrong trunk."),
        ),
        ticket_type="Provisioning", specification="SPEC-2003", fault=False, share=5,
        severities=("Major", "Minor"), hours=(84, 38),
        causes=(
            ("1301", "Portierungskennung nachgetragen, Anrufe kommen an"),
            ("1303", "Routing entry corrected at the number database"),
        ),
    ),
    Problem(
        key="missedVisit",
        names=(
            ("Techniker nicht erschienen", "Kunde hat sich Urlaub genommen, das Zeitfenster 8-12 Uhr verstrich ohne Anruf. Neuer Termin dringend erbeten."),
            ("Missed appointment", "Nobody came in the agreed window; the customer asks for a Saturday."),
        ),
        ticket_type="Complaint", specification="SPEC-2004", fault=False, share=4,
        severities=("Minor",), hours=(84, 32),
        causes=(("1401", "Neuer Termin durchgeführt, Entschädigung gebucht"), ("1403", "Visit done on Saturday")),
    ),
)  # fmt: skip


SPECIFICATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SPEC-1001": ("Leitungsstörung / Line fault", ("lineId", "attenuationDb", "syncState")),
    "SPEC-1002": ("Bandbreite und Qualität / Degradation", ("lineId", "downstreamMbit", "packetLossPercent")),
    "SPEC-1003": ("Großstörung / Mass outage", ("nodeId", "affectedLines")),
    "SPEC-1004": ("Glasfaserstörung / Fibre fault", ("lineId", "opticalLevelDbm")),
    "SPEC-1005": ("Sprachdienst / Voice fault", ("lineId", "sipResponse")),
    "SPEC-2001": ("Rechnungsreklamation / Bill dispute", ("disputeAmount", "creditAmount", "currency")),
    "SPEC-2002": ("Umzug / Relocation", ("lineId", "newSite")),
    "SPEC-2003": ("Rufnummernportierung / Number porting", ("numberBlock", "portingDate")),
    "SPEC-2004": ("Terminbeschwerde / Missed visit", ("appointmentId",)),
    "SPEC-9001": ("Faxstörung / Fax fault", ("lineId",)),
}  # fmt: skip
"""Specifications by id: name, and the characteristics that a ticket of this kind carries."""
