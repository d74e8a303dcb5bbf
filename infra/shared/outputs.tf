# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

locals {
  # An own queue for failed asynchronous events has its own name.
  queues = concat(
    [for name in ["alerts", "alert-dlq", "event-sink", "event-sink-dlq", "sr-control-dlq", "sr-joblog-dlq"] : local.names.queues[name]],
    !contains(keys(var.queue_arns), "async-dlq") ? [local.names.queues["async-dlq"]] : [],
    var.enable_sensor_inbox ? [local.names.queues["sensor-inbox"], local.names.queues["sensor-inbox-dlq"]] : [],
  )
  alarms = concat(
    module.control.alarm_names, module.joblog.alarm_names, module.rerun.alarm_names, module.events.alarm_names,
    module.alert_dlq.alarm_names, module.event_sink_dlq.alarm_names, module.control_dlq.alarm_names, module.joblog_dlq.alarm_names,
    flatten(concat(module.async_dlq[*].alarm_names, module.sensor_inbox_dlq[*].alarm_names)),
    [aws_cloudwatch_metric_alarm.alerts_age.alarm_name, aws_cloudwatch_metric_alarm.timer_failures.alarm_name],
  )
}

output "event_bus" {
  description = "Name of the bus."
  value       = local.names.event_bus
  depends_on  = [aws_cloudwatch_event_bus.this]
}

output "event_sink_queue_arn" {
  description = "ARN of the queue of the event-sink."
  value       = local.names.queue_arns["event-sink"]
  depends_on  = [module.event_sink]
}

output "event_sink_dlq_arn" {
  description = "ARN of the dead-letter queue of the event-sink."
  value       = local.names.queue_arns["event-sink-dlq"]
  depends_on  = [module.event_sink_dlq]
}

output "alerts_queue_arn" {
  description = "ARN of the alert queue."
  value       = local.names.queue_arns["alerts"]
  depends_on  = [module.alerts]
}

output "alert_dlq_arn" {
  description = "ARN of the alert queue's dead-letter queue."
  value       = local.names.queue_arns["alert-dlq"]
  depends_on  = [module.alert_dlq]
}

output "stream_dlq_arns" {
  description = "ARNs of the stream mappings' on-failure queues."
  value = {
    control = local.names.queue_arns["sr-control-dlq"]
    joblog  = local.names.queue_arns["sr-joblog-dlq"]
  }
  depends_on = [module.control_dlq, module.joblog_dlq]
}

output "async_dlq_arn" {
  description = "ARN of the queue for asynchronous events that failed."
  value       = local.names.queue_arns["async-dlq"]
  depends_on  = [module.async_dlq]
}

output "stream_arns" {
  description = "ARNs of the tables' streams: control, joblog."
  value       = { control = module.control.stream_arn, joblog = module.joblog.stream_arn }
}

output "tables" {
  description = "Names of the tables: control, joblog, rerun, events."
  value       = local.names.tables
  depends_on  = [module.control, module.joblog, module.rerun, module.events]
}

output "scheduler_role_arn" {
  description = "ARN of the role that SLA timers run under."
  value       = local.names.role_arns["scheduler"]
  depends_on  = [aws_iam_role.scheduler]
}

output "sensor_inbox_url" {
  description = "URL of the sensor inbox. null without an inbox."
  value       = var.enable_sensor_inbox ? local.names.queue_urls["sensor-inbox"] : null
  depends_on  = [module.sensor_inbox]
}

output "sensor_inbox_arns" {
  description = "ARNs of the sensor inbox and of its dead-letter queue: inbox, dlq. null without an inbox."
  value = var.enable_sensor_inbox ? {
    inbox = local.names.queue_arns["sensor-inbox"]
    dlq   = local.names.queue_arns["sensor-inbox-dlq"]
  } : null
  depends_on = [module.sensor_inbox, module.sensor_inbox_dlq]
}

output "sensor_writer_policy" {
  description = "IAM policy (JSON) of a writer that may only send readings to the sensor inbox. null without an inbox."
  value = var.enable_sensor_inbox ? jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "SendReadings"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = local.names.queue_arns["sensor-inbox"]
      }],
      local.kms_key_arn == null ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.kms_key_arn
      }],
    )
  }) : null
}

output "table_arns" {
  description = "ARNs of the tables: control, joblog, rerun, events."
  value       = local.names.table_arns
  depends_on  = [module.control, module.joblog, module.rerun, module.events]
}

output "event_bus_arn" {
  description = "ARN of the bus."
  value       = local.names.event_bus_arn
  depends_on  = [aws_cloudwatch_event_bus.this]
}

output "queue_arns" {
  description = "ARNs of the queues, by name."
  value       = { for name in local.queues : name => local.names.queue_arns[trimsuffix(trimprefix(name, "${local.names.prefix}-"), ".fifo")] }
  depends_on = [
    module.alerts, module.alert_dlq, module.async_dlq, module.control_dlq, module.event_sink, module.event_sink_dlq, module.joblog_dlq,
    module.sensor_inbox, module.sensor_inbox_dlq,
  ]
}

output "scheduler_group" {
  description = "Name of the schedule group of the SLA timers."
  value       = local.names.scheduler_group
  depends_on  = [aws_scheduler_schedule_group.timers]
}

output "scheduler_group_arn" {
  description = "ARN of the schedule group of the SLA timers."
  value       = local.names.scheduler_group_arn
  depends_on  = [aws_scheduler_schedule_group.timers]
}

output "scheduler_role_policy" {
  description = "IAM policy (JSON) that an own role of the SLA timers needs."
  value       = local.scheduler_policy
}

output "alarm_arns" {
  description = "ARNs of the alarms, by name."
  value       = { for name in local.alarms : name => "${local.names.alarms_arn}:${name}" }
}

output "dashboard" {
  description = "Name of the dashboard. null without one."
  value       = one(module.dashboard[*].name)
}

output "policy_arns" {
  description = "ARNs of the managed policies, by role: reader, operator, table-sensor-writer, inbox-sensor-writer. {} without them."
  value       = merge({}, module.policies[*].arns...)
}
