"""The relay: what our own people and programs ask a provider for, asked through us.

    POST {prefix}/troubleTicket, /cancelTroubleTicket, /inflightChangeTroubleTicket
    listener open, listener cancel, listener change

kinds.py     what can be asked for, and whether a body may be passed on
asking.py    the straight line: written down → sent → answer kept → in the log → answered
recording.py the answer's way into the log, and back out of it
front.py     the same over HTTP; described.py says so in /openapi.json
door.py      made from the settings; commands.py is the same as commands
"""
