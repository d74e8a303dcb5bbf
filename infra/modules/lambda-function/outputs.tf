# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

output "arn" {
  description = "ARN of the function. It is available after the policies of the role, which AWS checks when a mapping is made."
  value       = local.names.function_arns[var.service]
  depends_on  = [aws_lambda_function.this, aws_iam_role_policy.this]
}

output "target_arn" {
  description = "ARN that invokers name: the alias of a function with SnapStart, otherwise the function. It is available after the alias."
  value       = local.names.target_arns[var.service]
  depends_on  = [aws_lambda_function.this, aws_iam_role_policy.this, aws_lambda_alias.live]
}

output "alias_arn" {
  description = "ARN of the alias. null without one."
  value       = lookup(local.names.alias_arns, var.service, null)
  depends_on  = [aws_lambda_alias.live]
}

output "name" {
  description = "Name of the function."
  value       = local.name
  depends_on  = [aws_lambda_function.this]
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = local.role_arn
  depends_on  = [aws_iam_role.this]
}

output "role_name" {
  description = "Name of the function's role."
  value       = local.role_name
  depends_on  = [aws_iam_role.this]
}

output "own_role" {
  description = "Whether the role is an own one, which gets no policies."
  value       = local.own_role
}

output "statements" {
  description = "IAM statements that the role needs."
  value       = local.statements
}

output "log_group_arn" {
  description = "ARN of the function's log group, without a last :*."
  value       = local.log_group_arn
  depends_on  = [aws_cloudwatch_log_group.this]
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = local.log_group
  depends_on  = [aws_cloudwatch_log_group.this, aws_lambda_function.this]
}

output "alarm_names" {
  description = "Names of the function's alarms."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}
