"""The commands about the runs of a pipeline: `_status`, `_why`, `_rerun` and `_logs`.

`_status_choice` chooses the dates of `status`, `_status_lines` prints them for people, and `_status_rows` for programs.
`_end` waits for the end of a run, `_why_lines` explains a date, `_backfill` requests the dates of a range,
`_sign_of_life` shows the dates that a backfill waits for, and `_job_logs` finds the output of a job.
"""
