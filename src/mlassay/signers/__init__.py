"""Private keys and their checks, one kind in one file: P-256 for machines, OpenSSH for people."""
