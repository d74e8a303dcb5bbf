# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

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
  value       = aws_iam_role.scheduler.arn
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
