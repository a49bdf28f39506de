"""Where the parts of a computation run."""
