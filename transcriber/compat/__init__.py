"""The APIs of other services, for programs that already speak them.

Each is a small module over the same call as `/transcribe`; the setting `COMPAT` tells which of them
answer.
"""
