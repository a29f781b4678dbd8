"""Who may use the service, and how much of it: keys, addresses, quotas. Knows no HTTP."""
