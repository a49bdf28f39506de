"""The only room that talks to git: verified reads, commits from objects, compare-and-swap on remotes."""

from mlassay.git._credentials import Credential
from mlassay.git._listing import begun
from mlassay.git._values import Change, Commit, Corrupt, Declined, Entry, Identity, Landing, MovedOn
from mlassay.git.dates import time_in_words
from mlassay.git.line import Line, LineRepository, every_change, read_line
from mlassay.git.repository import Repository

__all__ = [
    "Change",
    "Commit",
    "Corrupt",
    "Credential",
    "Declined",
    "Entry",
    "Identity",
    "Landing",
    "Line",
    "LineRepository",
    "MovedOn",
    "Repository",
    "begun",
    "every_change",
    "read_line",
    "time_in_words",
]
