# The values are known before the resources exist. With depends_on, the users of a value wait for its resource.

output "arn" {
  description = "ARN of the function. It is available after the policies of the role, which AWS checks when a mapping is made."
  value       = var.deployment.names.function_arns[var.service]
  depends_on  = [aws_lambda_function.this, aws_iam_role_policy.this]
}

output "name" {
  description = "Name of the function."
  value       = local.name
  depends_on  = [aws_lambda_function.this]
}

output "role_name" {
  description = "Name of the function's role."
  value       = local.name
  depends_on  = [aws_iam_role.this]
}
