"""The commands about the runs of a pipeline: `_status`, `_why`, `_rerun` and `_logs`.

`_status_choice` filters the rows of `status`, `_end` waits for the end of a run, `_why_lines` explains a date,
`_backfill` requests the dates of a range, `_sign_of_life` shows what a backfill waits for, and `_job_logs` finds the
output of a job.
"""
