"""A simulated wholesale provider: tickets with plausible lives, told over HTTP, seeded.

problems, people    what goes wrong, and who has to do with it
rhythm              when things happen: days, nights, weekends
ticket, tasks,      the things that live: each change leaves facts behind
specifications
life                how a ticket's life goes on, step by step
envelope            from fact to notification
mischief            what goes wrong on the way: twice, late, lost, broken, odd
history             everything that was sent until now
deliver             sending the past
live, opening       going on in the present; what a consumer may ask for
known, dialects     what the provider knows, and how it says it
habits              how it tells, loses and answers: every knob
hub, telling        subscriptions, and telling them
access, queries     who may ask, and what
provider            all of that as one, driven by its own clock
server, control     its API, and the knobs over HTTP
running             its server beside a test or the demo: `with running_provider() as provider:`

The same seed, number of tickets and `now` give the same bytes.
"""
