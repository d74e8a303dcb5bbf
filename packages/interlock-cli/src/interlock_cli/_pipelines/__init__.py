"""The commands about pipeline files and configs.

Files: `init`, `schema`, `validate` and `cron`. Configs in the tables: `push`, `remove`, `pause` and `resume`. `_files`
reads the files that `_search` finds, `_push_plan` compares them with the tables, `_differences` shows two texts, and
`_cron_compare` compares the fires of a cron expression with those of croniter.
"""
