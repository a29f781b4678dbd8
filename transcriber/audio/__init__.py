"""Audio: containers, decoding to 16 kHz mono float32, and voice activity. Knows no HTTP."""
