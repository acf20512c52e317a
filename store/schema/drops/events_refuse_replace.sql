-- events_refuse_replace: makes way for one by the table's new name.
DROP TRIGGER events_refuse_replace;
