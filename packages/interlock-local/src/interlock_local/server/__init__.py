"""The server process: the AWS-compatible server with authentication in front and a journal of its writes.

`__main__` runs it. `_access` decides who may ask, and `_app` answers. `_durable` keeps writes in the `_journal`,
`_tables` reads and restores items, and `_snapshots` saves queues and timers. `_direct` passes requests to the tables.
`_task_tokens` and `_expressions` replace functions of the server behind, which `_behind` checks.
"""
