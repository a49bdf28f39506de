"""One function for each stage: it reads what the stage before it left, checks digests, and leaves its own."""
