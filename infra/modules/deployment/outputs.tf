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

output "tags" {
  description = "Tags of each resource."
  value       = var.tags
}
