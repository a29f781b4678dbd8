"""What the service promises, checked on the service itself. The folders are those of the code."""

import os

# As in config/gunicorn.conf.py, for the models that tests load themselves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
