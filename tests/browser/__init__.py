"""What analysts see, in a real browser and over HTTP."""
