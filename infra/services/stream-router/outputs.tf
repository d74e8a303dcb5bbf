# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

locals {
  alarms = concat(
    module.function.alarm_names, [aws_cloudwatch_metric_alarm.iterator_age.alarm_name],
    flatten(concat(module.job_events_alarm[*].alarm_names, module.job_events_dlq[*].alarm_names)),
  )
}

output "function_arn" {
  description = "ARN of the function."
  value       = module.function.arn
}

output "alias_arn" {
  description = "ARN of the function's alias. null without SnapStart."
  value       = module.function.alias_arn
}

output "function_name" {
  description = "Name of the function."
  value       = module.function.name
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = module.function.role_arn
}

output "role_policy" {
  description = "IAM policy (JSON) that an own role of the function needs."
  value       = jsonencode({ Version = "2012-10-17", Statement = module.function.statements })
}

output "log_group_arn" {
  description = "ARN of the function's log group."
  value       = module.function.log_group_arn
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = module.function.log_group_name
}

output "rule_arns" {
  description = "ARNs of the EventBridge rules, by name."
  value       = { for type, rule in aws_cloudwatch_event_rule.job_events : rule.name => local.names.rule_arns["job-events-${type}"] }
}

output "queue_arns" {
  description = "ARNs of the queues of job events, by name. {} without job events."
  value       = { for name in ["job-events", "job-events-dlq"] : local.names.queues[name] => local.names.queue_arns[name] if var.enable_job_events }
  depends_on  = [module.job_events, module.job_events_dlq]
}

output "alarm_arns" {
  description = "ARNs of the alarms, by name."
  value       = { for name in local.alarms : name => "${local.names.alarms_arn}:${name}" }
}
