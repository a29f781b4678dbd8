"""The command line: `python -m transcriber`, or `live-transcription` where it is installed."""
