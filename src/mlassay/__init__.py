"""mlassay tests, signs and promotes models by pull request, and keeps the record in git."""

__version__ = "0.1.0"
