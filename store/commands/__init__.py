"""The commands behind the store's door, by theme. They read settings, as only doors may."""
