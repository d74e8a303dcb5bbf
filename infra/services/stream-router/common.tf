# The variables that all services share. Terraform shares no declarations between roots, so this file is the same in all
# services, and a test compares the copies. modules/deployment checks the values.

variable "environment" {
  description = "Name of the deployment. Every resource is called <environment>-interlock-<thing>."
  type        = string
}

variable "dist_path" {
  description = "Folder of the Lambda zips, <service>.zip each."
  type        = string
}

variable "lambda_architecture" {
  description = "Processor the zips are built for: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false
}

variable "lambda_memory_size" {
  description = "Memory of each function in MB."
  type        = number
  default     = 512
  nullable    = false
}

variable "lambda_settings" {
  description = "Settings of single functions by service, such as { all = { memory_size = 1024 }, watchdog = { timeout_seconds = 300 } }."
  type        = any
  default     = {}
  nullable    = false
}

variable "log_retention_days" {
  description = "Lifetime of logs."
  type        = number
  default     = 30
  nullable    = false
}

variable "environment_variables" {
  description = "Optional variables that every service knows, such as STAGE_TIMEOUT or OTEL_EXPORTER_OTLP_ENDPOINT."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "profile_bucket" {
  description = "S3 bucket for CPU profiles. null: no profiles."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key that encrypts tables, queues, logs, the bus and variables. null: AWS's own keys."
  type        = string
  default     = null
}

variable "sns_alarm_topic_arn" {
  description = "SNS topic that receives the alarms, or null."
  type        = string
  default     = null
}

variable "alarm_thresholds" {
  description = "Thresholds of the alarms that belong to no single function, such as { alert_age_seconds = 1800 }."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "role_arns" {
  description = "Own roles, by service, and by sfn and scheduler. A role that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "log_group_arns" {
  description = "Own log groups, by service, and by sfn. A log group that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "queue_arns" {
  description = "Own queues, by async-dlq: the queue for asynchronous events that failed. A queue that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the permissions of each role that is created. null: no boundary."
  type        = string
  default     = null
}

variable "iam_path" {
  description = "Path of the roles and policies that are created."
  type        = string
  default     = "/"
  nullable    = false
}

variable "tags" {
  description = "Tags of each resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

module "deployment" {
  source = "../../modules/deployment"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_memory_size       = var.lambda_memory_size
  lambda_settings          = var.lambda_settings
  log_retention_days       = var.log_retention_days
  environment_variables    = var.environment_variables
  profile_bucket           = var.profile_bucket
  kms_key_arn              = var.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = var.alarm_thresholds
  role_arns                = var.role_arns
  log_group_arns           = var.log_group_arns
  queue_arns               = var.queue_arns
  permissions_boundary_arn = var.permissions_boundary_arn
  iam_path                 = var.iam_path
  tags                     = var.tags
}

locals {
  names         = module.deployment.names
  kms_key_arn   = module.deployment.kms_key_arn
  alarm_actions = module.deployment.alarm_actions
  thresholds    = module.deployment.thresholds
}
