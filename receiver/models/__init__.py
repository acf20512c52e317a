"""What a notification may look like: one file per kind of resource."""
