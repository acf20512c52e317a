-- deliveries_open: those that somebody waits for, ticket by ticket.
CREATE INDEX deliveries_open ON deliveries (job, ticket, position)
WHERE outcome IN ('waiting', 'dead');
