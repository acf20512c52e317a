-- events_refuse_update: makes way for one that lets a body leave.
DROP TRIGGER events_refuse_update;
