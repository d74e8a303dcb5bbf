variable "environment" {
  description = "Name of the deployment."
  type        = string
}

variable "dist_path" {
  description = "Folder of the Lambda zips. null: the root has no function."
  type        = string
  default     = null
}

variable "lambda_architecture" {
  description = "Processor the zips are built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.lambda_architecture)
    error_message = "lambda_architecture is ${var.lambda_architecture}, must be arm64 or x86_64."
  }
}

variable "lambda_memory_size" {
  description = "Memory of each function in MB."
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

variable "lambda_settings" {
  description = "Settings of single functions, by service. The entry all has those of every function."
  # An object type would drop a misspelt setting without an error. settings.tf checks each name and value.
  type     = any
  default  = {}
  nullable = false

  validation {
    condition     = can([for settings in var.lambda_settings : settings == null ? [] : keys(settings)])
    error_message = "lambda_settings must be a map of services, such as { watchdog = { memory_size = 1024 } }."
  }
}

variable "environment_variables" {
  description = "Optional variables that every service knows."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !contains(["AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT"], name) && (!startswith(name, "AWS_LAMBDA_") || name == "AWS_LAMBDA_EXEC_WRAPPER")])
    error_message = "environment_variables has a name that Lambda sets itself or does not take: letters, digits and _ after a letter, without AWS_REGION, AWS_LAMBDA_… and the keys of AWS."
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

variable "role_arns" {
  description = "Own roles, by service, and by sfn and scheduler. A role that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.role_arns), ["alert-dispatcher", "event-sink", "orchestrator", "scheduler", "sfn", "sla-monitor", "stream-router", "watchdog"])) == 0
    error_message = "role_arns has ${join(", ", keys(var.role_arns))}. Allowed are alert-dispatcher, event-sink, orchestrator, scheduler, sfn, sla-monitor, stream-router and watchdog."
  }
  validation {
    condition     = alltrue([for arn in values(var.role_arns) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", arn))])
    error_message = "role_arns has ${jsonencode(var.role_arns)}. Allowed are ARNs of roles, such as arn:aws:iam::123456789012:role/watchdog."
  }
}

variable "log_group_arns" {
  description = "Own log groups, by service, and by sfn. A log group that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.log_group_arns), ["alert-dispatcher", "event-sink", "orchestrator", "sfn", "sla-monitor", "stream-router", "watchdog"])) == 0
    error_message = "log_group_arns has ${join(", ", keys(var.log_group_arns))}. Allowed are alert-dispatcher, event-sink, orchestrator, sfn, sla-monitor, stream-router and watchdog."
  }
  validation {
    condition     = alltrue([for arn in values(var.log_group_arns) : can(regex("^arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9_/.#-]{1,512}$", arn))])
    error_message = "log_group_arns has ${jsonencode(var.log_group_arns)}. Allowed are ARNs of log groups without a last :*, such as arn:aws:logs:eu-west-1:123456789012:log-group:/data/interlock."
  }
}

variable "queue_arns" {
  description = "Own queues, by async-dlq: the queue for asynchronous events that failed. A queue that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.queue_arns), ["async-dlq"])) == 0
    error_message = "queue_arns has ${join(", ", keys(var.queue_arns))}. Allowed is async-dlq."
  }
  validation {
    # Lambda rejects a FIFO queue here.
    condition     = alltrue([for arn in values(var.queue_arns) : can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$", arn))])
    error_message = "queue_arns has ${jsonencode(var.queue_arns)}. Allowed are ARNs of SQS queues that are no FIFO queues."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the permissions of each role that is created. null: no boundary."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "iam_path" {
  description = "Path of the roles and policies that are created."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = length(var.iam_path) <= 512 && can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.iam_path))
    error_message = "iam_path is ${var.iam_path}, must begin and end with /, such as /data/."
  }
}

variable "alarm_thresholds" {
  description = "Thresholds of the alarms that belong to no single function."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.alarm_thresholds), ["alert_age_seconds", "canary_seconds", "dead_letters", "rule_failures", "stream_age_seconds", "table_throttles", "timer_failures"])) == 0
    error_message = "alarm_thresholds has ${join(", ", keys(var.alarm_thresholds))}. Allowed are alert_age_seconds, canary_seconds, dead_letters, rule_failures, stream_age_seconds, table_throttles and timer_failures."
  }
  validation {
    condition     = alltrue([for threshold in values(var.alarm_thresholds) : threshold == null || try(threshold >= 0, false)])
    error_message = "alarm_thresholds has ${jsonencode(var.alarm_thresholds)}. Allowed are numbers of at least 0."
  }
}

variable "tags" {
  description = "Tags of each resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
