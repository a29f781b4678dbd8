"""Tests of the journal: what is written down, and that it is there afterwards."""
