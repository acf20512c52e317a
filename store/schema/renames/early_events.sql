-- early_events: the events that earlier versions kept stay as they are, under another name.
ALTER TABLE events RENAME TO early_events;
