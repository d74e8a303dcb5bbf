output "tables" {
  description = "Names of the tables: control, joblog, rerun, events."
  value       = module.shared.tables
}

output "event_bus" {
  description = "Name of the event bus."
  value       = module.shared.event_bus
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.orchestrator.state_machine_arn
}

output "function_arns" {
  description = "ARNs of the functions by service."
  value = {
    stream-router    = module.stream_router.function_arn
    orchestrator     = module.orchestrator.function_arn
    sla-monitor      = module.sla_monitor.function_arn
    watchdog         = module.watchdog.function_arn
    event-sink       = module.event_sink.function_arn
    alert-dispatcher = module.alert_dispatcher.function_arn
  }
}

output "sensor_inbox_url" {
  description = "URL of the sensor inbox. null without an inbox."
  value       = module.shared.sensor_inbox_url
}

output "sensor_writer_policy" {
  description = "IAM policy (JSON) of a writer that may only send readings to the sensor inbox. null without an inbox."
  value       = module.shared.sensor_writer_policy
}
