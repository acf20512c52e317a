"""Our own consumers, at the edge: they pull events, or subscribe and are notified.

    GET    /events, /events/{position}, /events/stream      pull.py, stream.py
    GET    /events/checkpoints            checkpoints.py: how far each consumer has read
    GET PUT DELETE /events/checkpoints/{consumer}
    POST   {prefix}/hub                   hub.py: who is notified (TMF630)
    GET DELETE {prefix}/hub/{id}

Taking events in goes first: reading happens in a few threads of its own and is bounded in number.
"""
