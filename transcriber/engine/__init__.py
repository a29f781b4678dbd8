"""The model: weights, loading, decoding windows, and the worker pool. Knows no HTTP."""
