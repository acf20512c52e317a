"""Our subscriptions at providers: what they registered of ours, and how that stands.

    hub.db   registrations that we asked for (file.py, registrations.py), and what was last seen of
             each source's (standing.py)
    heard.py what a source sent lately, out of history.db

A file of its own: log.db has one writer and is the truth about events, consumers.db is of those
who read from us and is deleted when they shall begin anew. Lost, hub.db costs a registration that
we do not know any more: where the provider lists them it is found by its callback.
"""
