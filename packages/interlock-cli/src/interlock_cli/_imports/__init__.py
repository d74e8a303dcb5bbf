"""Reads the schedules of other programs, and drafts a pipeline file for each of their jobs.

`_draft` is a file with its comments, and `_crontab` reads a crontab.
"""

from interlock_cli._imports._crontab import CrontabForm, drafts_of_crontab
from interlock_cli._imports._draft import Draft, Drafts, LeftOut

__all__ = ["CrontabForm", "Draft", "Drafts", "LeftOut", "drafts_of_crontab"]
