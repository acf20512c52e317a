"""A simulated wholesale provider: tickets with plausible lives, told over HTTP, seeded.

problems, people    what goes wrong, and who has to do with it
rhythm              when things happen: days, nights, weekends
ticket, tasks,      the things that live: each change leaves facts behind
specifications
life                how a ticket's life goes on, step by step
envelope            from fact to notification
mischief            what goes wrong on the way: twice, late, lost, broken, odd
history             everything that was sent until now
deliver, live       sending it, and going on in the present

The same seed, number of tickets and `now` give the same bytes.
"""
