"""Measurements: each command prints a table and writes JSON."""
