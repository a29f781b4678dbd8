"""Settings, server configuration and the pinned model weights."""
