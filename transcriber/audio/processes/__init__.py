"""Strangers' bytes are decoded in other processes.

`child` is what runs there, and `wire` how one talks to it. `children` starts, watches and replaces
them; `remote_stream` and `remote_recording` are used like what decodes in this process.
"""
