"""The parts of `benchmarks.live_quality`, one noun each."""
