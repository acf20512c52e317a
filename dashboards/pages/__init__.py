"""The pages: one file each, from a request to an answer."""
