"""Ended sessions, stored where their users keep what is theirs: a folder, or a bucket of S3.

`archiver` takes one after the other from the journal. `spool` puts the bytes of one together,
`transcript` says what it says, and `storage` is where they go.
"""
