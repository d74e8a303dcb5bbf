"""The server process: the AWS-compatible server with authentication in front and a journal of its writes.

`__main__` runs it. `_access` decides who may ask, `_app` is the application, `_durable` keeps writes in the `_journal`,
`_tables` reads and restores items, and `_snapshots` saves queues and timers.
"""
