"""Measurements, each a command that prints a table and writes JSON: see docs/benchmarks.md."""

import os

# As in config/gunicorn.conf.py, so that what is compared in this process doesn't pay for it either.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
