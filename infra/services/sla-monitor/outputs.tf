# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

locals {
  alarms = module.function.alarm_names
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

output "alarm_arns" {
  description = "ARNs of the alarms, by name."
  value       = { for name in local.alarms : name => "${local.names.alarms_arn}:${name}" }
}
