-- events: every accepted event with all that is kept of it, whatever version kept it.
-- The casts give both halves the same types: only then SQLite looks a position up in each of them
-- instead of reading all (sqlite.org/optoverview.html, subquery flattening).
CREATE VIEW events AS
SELECT position, source, event_type, event_id, resource_type, resource_id, ticket_id, occurred_at,
       event_time, received_at, path, headers, drift, digest, conflict_of, chain, body
FROM early_events
UNION ALL
SELECT log.position, source, event_type, event_id, resource_type, resource_id,
       CAST(CASE typeof(ticket_id) WHEN 'integer' THEN resource_id ELSE ticket_id END AS TEXT),
       CAST(coalesce(occurred_at, event_time, received_at) AS TEXT),
       event_time, received_at, path, CAST(coalesce(log.headers, contexts.headers) AS TEXT),
       drift, digest, conflict_of, chain, body
FROM log JOIN contexts ON contexts.id = log.context;
