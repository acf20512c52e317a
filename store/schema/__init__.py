"""Migrations of log.db, in order."""
