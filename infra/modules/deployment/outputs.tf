output "names" {
  description = "The names, the ARNs and the IAM statements of the deployment: the outputs of modules/names."
  value       = module.names
}

output "functions" {
  description = "The settings of each function by service, checked and complete. They are a valid lambda_settings too."
  value       = local.functions

  precondition {
    condition     = length(local.problems) == 0
    error_message = join("\n", local.problems)
  }
}

output "environment_variables" {
  description = "Environment variables of every function."
  value       = var.environment_variables
}

output "dist_path" {
  description = "Folder of the zips."
  value       = var.dist_path
}

output "lambda_architecture" {
  description = "Processor the zips are built for."
  value       = var.lambda_architecture
}

output "log_retention_days" {
  description = "Lifetime of logs that belong to no function."
  value       = var.log_retention_days
}

output "profile_bucket" {
  description = "Bucket for CPU profiles. null: no profiles."
  value       = var.profile_bucket
}

output "kms_key_arn" {
  description = "Key that encrypts everything. null: AWS's own keys."
  value       = var.kms_key_arn == "" ? null : var.kms_key_arn
}

output "alarm_actions" {
  description = "ARNs that receive the alarms."
  value       = compact([var.sns_alarm_topic_arn])
}

output "thresholds" {
  description = "Thresholds of the alarms that belong to no single function."
  value       = local.thresholds
}

output "role_arns" {
  description = "Own roles. A role that is not named is created."
  value       = var.role_arns
}

output "log_group_arns" {
  description = "Own log groups. A log group that is not named is created."
  value       = var.log_group_arns
}

output "permissions_boundary_arn" {
  description = "Policy that bounds the permissions of each role that is created. null: no boundary."
  value       = var.permissions_boundary_arn
}

output "iam_path" {
  description = "Path of the roles and policies that are created."
  value       = var.iam_path
}

output "tags" {
  description = "Tags of each resource."
  value       = var.tags
}
