"""Results into words: for a terminal, for a pull request, for machines."""
