"""The commands about what Interlock emitted: `events`, `history`, `alerts`, `silence` and `dlq`.

`_event_rows` shows an event, `_audit` finds the fate of each alert, `_dead_letters` has the queues of a deployment, and
`_resends` shows a redrive.
"""
