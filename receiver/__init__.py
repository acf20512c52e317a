"""WHAT COMES IN, and how we speak with the provider."""
