"""The commands about the events and alerts of Interlock: `_events`, `_history`, `_alerts`, `_silence` and `_dlq`.

`_event_rows` shows an event, `_audit` finds the fate of each alert, `_dead_letters` has the queues of a deployment, and
`_resends` shows a redrive.
"""
