"""The operations that the stand-in plays; importing this module registers them all."""

from . import apps, checks, comments, people, pulls, repositories, reviews, settings

__all__ = ["apps", "checks", "comments", "people", "pulls", "repositories", "reviews", "settings"]
