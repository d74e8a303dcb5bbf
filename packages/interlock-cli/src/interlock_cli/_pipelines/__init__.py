"""The commands about pipeline files and configs.

Files: `_init`, `_schema`, `_validate` and `_cron`. Configs in the tables: `_push`, `_remove`, `_pause` and `_resume`.
`_files` reads the files that `_search` finds, `_push_plan` compares them with the tables, `_differences` shows two
texts, and `_cron_compare` compares the fires of a cron expression with those of croniter.
"""
