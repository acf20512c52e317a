"""One file for each kind of target. The only place in the store that speaks to a network."""
