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

output "alias_arns" {
  description = "ARNs of the aliases of functions with SnapStart, by service. null without one."
  value = length(module.deployment.names.alias_arns) == 0 ? null : { for service, arn in {
    stream-router = module.stream_router.alias_arn
    orchestrator  = module.orchestrator.alias_arn
    sla-monitor   = module.sla_monitor.alias_arn
  } : service => arn if arn != null }
}

output "sensor_inbox_url" {
  description = "URL of the sensor inbox. null without an inbox."
  value       = module.shared.sensor_inbox_url
}

output "sensor_writer_policy" {
  description = "IAM policy (JSON) of a writer that may only send readings to the sensor inbox. null without an inbox."
  value       = module.shared.sensor_writer_policy
}

output "function_names" {
  description = "Names of the functions, by service."
  value = {
    stream-router    = module.stream_router.function_name
    orchestrator     = module.orchestrator.function_name
    sla-monitor      = module.sla_monitor.function_name
    watchdog         = module.watchdog.function_name
    event-sink       = module.event_sink.function_name
    alert-dispatcher = module.alert_dispatcher.function_name
  }
}

output "log_group_names" {
  description = "Names of the log groups, by service."
  value = {
    stream-router    = module.stream_router.log_group_name
    orchestrator     = module.orchestrator.log_group_name
    sla-monitor      = module.sla_monitor.log_group_name
    watchdog         = module.watchdog.log_group_name
    event-sink       = module.event_sink.log_group_name
    alert-dispatcher = module.alert_dispatcher.log_group_name
  }
}

output "log_group_arns" {
  description = "ARNs of the log groups, by service, and of the state machine as sfn."
  value = merge({
    stream-router    = module.stream_router.log_group_arn
    orchestrator     = module.orchestrator.log_group_arn
    sla-monitor      = module.sla_monitor.log_group_arn
    watchdog         = module.watchdog.log_group_arn
    event-sink       = module.event_sink.log_group_arn
    alert-dispatcher = module.alert_dispatcher.log_group_arn
  }, { sfn = module.orchestrator.state_machine_log_group_arn })
}

output "role_arns" {
  description = "ARNs of the roles, by service, and by sfn and scheduler."
  value = merge({
    stream-router    = module.stream_router.role_arn
    orchestrator     = module.orchestrator.role_arn
    sla-monitor      = module.sla_monitor.role_arn
    watchdog         = module.watchdog.role_arn
    event-sink       = module.event_sink.role_arn
    alert-dispatcher = module.alert_dispatcher.role_arn
  }, { sfn = module.orchestrator.state_machine_role_arn, scheduler = module.shared.scheduler_role_arn })
}

output "role_policies" {
  description = "IAM policies (JSON) that own roles need, by service, and by sfn and scheduler."
  value = merge({
    stream-router    = module.stream_router.role_policy
    orchestrator     = module.orchestrator.role_policy
    sla-monitor      = module.sla_monitor.role_policy
    watchdog         = module.watchdog.role_policy
    event-sink       = module.event_sink.role_policy
    alert-dispatcher = module.alert_dispatcher.role_policy
  }, { sfn = module.orchestrator.state_machine_role_policy, scheduler = module.shared.scheduler_role_policy })
}

output "state_machine_name" {
  description = "Name of the state machine."
  value       = module.orchestrator.state_machine_name
}

output "table_arns" {
  description = "ARNs of the tables: control, joblog, rerun, events."
  value       = module.shared.table_arns
}

output "stream_arns" {
  description = "ARNs of the streams of the tables: control, joblog."
  value       = module.shared.stream_arns
}

output "event_bus_arn" {
  description = "ARN of the event bus."
  value       = module.shared.event_bus_arn
}

output "queue_arns" {
  description = "ARNs of the queues, by name."
  value       = merge(module.shared.queue_arns, module.stream_router.queue_arns)
}

output "rule_arns" {
  description = "ARNs of the EventBridge rules, by name."
  value       = merge(module.stream_router.rule_arns, module.watchdog.rule_arns, module.event_sink.rule_arns, module.alert_dispatcher.rule_arns)
}

output "scheduler_group" {
  description = "Name of the schedule group of the SLA timers."
  value       = module.shared.scheduler_group
}

output "scheduler_group_arn" {
  description = "ARN of the schedule group of the SLA timers."
  value       = module.shared.scheduler_group_arn
}

output "alarm_arns" {
  description = "ARNs of the alarms, by name."
  value       = merge(module.shared.alarm_arns, module.stream_router.alarm_arns, module.orchestrator.alarm_arns, module.sla_monitor.alarm_arns, module.watchdog.alarm_arns, module.event_sink.alarm_arns, module.alert_dispatcher.alarm_arns)
}

output "dashboard" {
  description = "Name of the dashboard. null without one."
  value       = module.shared.dashboard
}

output "policy_arns" {
  description = "ARNs of the managed policies, by role: reader, operator, table-sensor-writer, inbox-sensor-writer. {} without them."
  value       = module.shared.policy_arns
}
