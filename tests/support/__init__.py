"""What the tests share: recordings, a real server, a poster of live sessions, error rates."""
