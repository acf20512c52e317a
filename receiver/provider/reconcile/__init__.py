"""Reconciling: what the provider answers beside what it told us, and what we were not told healed.

rules.py      what was agreed, in plain values
pages.py      one list of the provider, page by page, though it moves meanwhile
walk.py       every resource of one type, compared with what we hold
heal.py       what differs becomes reconciled events, and is compared again
run.py        one reconciliation, from window to certificate
watch.py      in `listener serve`: at start, by the clock, when asked (asked.py)
thin.py       notifications that tell an id alone, completed
door.py       makes all of it from settings
commands.py   `listener reconcile`
"""
