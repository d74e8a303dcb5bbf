# The variables of every service. This file is the same in all services, and a test compares the copies.

variable "environment" {
  description = "Name of the deployment. Every resource is called <environment>-interlock-<thing>."
  type        = string
}

variable "dist_path" {
  description = "Folder of the Lambda zips, <service>.zip each."
  type        = string
}

variable "lambda_architecture" {
  description = "Processor the zips are built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.lambda_architecture)
    error_message = "lambda_architecture must be arm64 or x86_64."
  }
}

variable "lambda_memory_size" {
  description = "Memory of the function in MB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240 && floor(var.lambda_memory_size) == var.lambda_memory_size
    error_message = "lambda_memory_size is ${var.lambda_memory_size}, must be whole MB from 128 to 10240."
  }
}

variable "log_retention_days" {
  description = "Lifetime of logs."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}, must be one that CloudWatch has: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, or 0 for ever."
  }
}

variable "environment_variables" {
  description = "Optional variables that every service knows, such as STAGE_TIMEOUT or OTEL_EXPORTER_OTLP_ENDPOINT."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !contains(["AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT"], name) && (!startswith(name, "AWS_LAMBDA_") || name == "AWS_LAMBDA_EXEC_WRAPPER")])
    error_message = "environment_variables has a name that Lambda sets itself or does not take: letters, digits and _ after a letter, without AWS_REGION, AWS_LAMBDA_… and the keys of AWS."
  }
}

variable "vpc_subnet_ids" {
  description = "Subnets of the function, for targets with private addresses. []: the function is in no VPC."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "vpc_subnet_ids must be ids of subnets, such as subnet-0a1b2c3d4e5f60718."
  }
}

variable "vpc_security_group_ids" {
  description = "Security groups of the function in its VPC."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))])
    error_message = "vpc_security_group_ids must be ids of security groups, such as sg-0a1b2c3d4e5f60718."
  }
}

variable "profile_bucket" {
  description = "S3 bucket for CPU profiles. null: no profiles."
  type        = string
  default     = null

  validation {
    # The name becomes part of a policy, so it may hold no wildcard.
    condition     = var.profile_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.profile_bucket))
    error_message = "profile_bucket must be the name of a bucket: 3 to 63 of a-z, 0-9, '.' and '-'."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts tables, queues, logs, the bus and variables. null: AWS's own keys."
  type        = string
  default     = null

  validation {
    # A policy takes no alias: it would permit nothing.
    condition     = var.kms_key_arn == null || can(regex("^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:…:key/…), not of an alias."
  }
}

variable "sns_alarm_topic_arn" {
  description = "SNS topic that receives the alarms, or null."
  type        = string
  default     = null

  validation {
    condition     = var.sns_alarm_topic_arn == null || can(regex("^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256})?$", var.sns_alarm_topic_arn))
    error_message = "sns_alarm_topic_arn must be the ARN of an SNS topic, not of a FIFO topic."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
}

module "names" {
  source = "../../modules/names"

  environment = var.environment
}

locals {
  kms_key_arn   = var.kms_key_arn == "" ? null : var.kms_key_arn
  alarm_actions = compact([var.sns_alarm_topic_arn])

  table_variables = {
    CONTROL_TABLE  = module.names.tables["control"]
    JOBLOG_TABLE   = module.names.tables["joblog"]
    RERUN_TABLE    = module.names.tables["rerun"]
    EVENT_BUS_NAME = module.names.event_bus
  }
  timer_variables = {
    SLA_MONITOR_ARN      = module.names.function_arns["sla-monitor"]
    SCHEDULER_ROLE_ARN   = module.names.role_arns["scheduler"]
    SCHEDULER_GROUP_NAME = module.names.scheduler_group
    SCHEDULER_DLQ_ARN    = module.names.queue_arns["async-dlq"]
  }
}
