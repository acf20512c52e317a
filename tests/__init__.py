"""The tests, and the simulated provider that the demo shares with them."""
