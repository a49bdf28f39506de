"""Where pull requests live: one adapter, one file."""
