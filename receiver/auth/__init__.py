"""One file per way to prove who you are."""
