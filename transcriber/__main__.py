"""`python -m transcriber`: see `transcriber.cli`."""

import sys

from transcriber.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
