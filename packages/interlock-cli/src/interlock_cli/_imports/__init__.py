"""Reads the schedules of other programs, and drafts a pipeline file for each of their jobs.

`_draft` is a file with its comments. `_crontab` reads a crontab, and `_dbt` the manifest of a dbt project.
"""

from interlock_cli._imports._crontab import CrontabForm, drafts_of_crontab
from interlock_cli._imports._dbt import ManifestError, drafts_of_dbt
from interlock_cli._imports._draft import Draft, Drafts, LeftOut

__all__ = ["CrontabForm", "Draft", "Drafts", "LeftOut", "ManifestError", "drafts_of_crontab", "drafts_of_dbt"]
