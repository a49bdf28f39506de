"""The main line as one story, read once and asked by every audit verb."""
