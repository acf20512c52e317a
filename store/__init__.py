"""WHAT IS KEPT."""
