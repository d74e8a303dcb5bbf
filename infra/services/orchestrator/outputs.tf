# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

locals {
  alarms = concat(
    module.function.alarm_names, [aws_cloudwatch_metric_alarm.infra_failures.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.pipeline : alarm.alarm_name],
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
  value       = jsonencode({ Version = "2012-10-17", Statement = concat(module.function.statements, flatten(values(local.trigger_statements))) })

  precondition {
    condition     = length(local.trigger_problems) == 0
    error_message = join("\n", local.trigger_problems)
  }
}

output "log_group_arn" {
  description = "ARN of the function's log group."
  value       = module.function.log_group_arn
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = module.function.log_group_name
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = local.names.state_machine_arn
  depends_on  = [aws_sfn_state_machine.pipeline]
}

output "state_machine_name" {
  description = "Name of the state machine."
  value       = local.names.state_machine
  depends_on  = [aws_sfn_state_machine.pipeline]
}

output "state_machine_role_arn" {
  description = "ARN of the role of the state machine."
  value       = local.names.role_arns["sfn"]
  depends_on  = [aws_iam_role.pipeline]
}

output "state_machine_role_policy" {
  description = "IAM policy (JSON) that an own role of the state machine needs."
  value       = local.sfn_policy
}

output "state_machine_log_group_arn" {
  description = "ARN of the log group of the state machine."
  value       = local.sfn_log_group_arn
  depends_on  = [aws_cloudwatch_log_group.pipeline]
}

output "alarm_arns" {
  description = "ARNs of the alarms, by name."
  value       = { for name in local.alarms : name => "${local.names.alarms_arn}:${name}" }
}
