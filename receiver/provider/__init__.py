"""How we speak with a source's provider: its TMF621 API, asked by us.

    rules.py        what was agreed with one provider, in plain values; door.py makes it from settings
    client.py       one provider, asked: who we are, how often, how long, what is tried again

    hub.py          its hub on the wire: what is posted, and what its answers mean
    ours.py         our registrations there: looked for, settled, ended
    registering.py  at most one of them, whatever was killed in between
    silence.py      what the events that arrive say about it
    looking.py      one look: what is wrong is healed where that is safe, else said
    watching.py     `listener hub watch`: looks, until told to stop
    commands.py     `listener hub`; acting.py does what it says, for one source

Only door.py and commands.py know settings.
"""
