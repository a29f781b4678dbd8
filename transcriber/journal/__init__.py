"""Sessions written down, so that a crash loses nothing that was acknowledged.

`tables` and `codec` say what is written, `database` opens the file, `writer` commits what several
sessions have at once, and `journal` puts them together behind the protocol of `live.ledger`.
"""
