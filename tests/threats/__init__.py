"""Every trick that a liar may play, played with plain git, ssh-keygen and openssl, beside the same story without it.

`rows.py` is the table; `play.py` says what a story is; the modules ``attacks_*.py`` hold the stories.
"""
