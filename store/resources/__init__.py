"""Resources as the provider told them, found in history.db: a pure reader, for who serves them.

kinds.py       which resources there are, and where they are kept
question.py    what may be asked: tests on attributes, order, page
conditions.py  a test as SQL
reader.py      answers
past.py        one resource as of a moment, or as it was known at one
"""
