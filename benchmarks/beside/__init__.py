"""Live transcription from PyPI, each in its own virtual environment, beside this service."""
