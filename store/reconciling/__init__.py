"""What a provider answers beside what we hold: the parts of reconciling that need no network.

compare.py       what differs between two tellings of one resource, in the names of its members
held.py          what we hold of a resource, out of history.db
ledger.py        reconcile.db: how far a reconciliation has come, so that it can be interrupted
certificates.py  what was seen, matched, healed and left unexplained; chained, signed, in the log
keeping_up.py    history.db is waited for, or folded on where nobody else does
"""
