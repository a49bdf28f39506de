"""Models of other people's libraries, trained at test time, before every gate; and input that nobody should give one."""
