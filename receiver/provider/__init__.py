"""How we speak with a source's provider: its TMF621 API, asked by us.

rules.py    what was agreed with one provider, in plain values; door.py makes it from settings
client.py   one provider, asked: who we are, how often, how long, what is tried again
"""
