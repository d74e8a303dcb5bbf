variable "environment" {
  description = "Name of the deployment. Every resource is called <environment>-interlock-<thing>."
  type        = string
}

variable "dist_path" {
  description = "Folder of the Lambda zips, <service>.zip each, all built for lambda_architecture."
  type        = string
}

variable "pipelines_path" {
  description = "Folder of pipeline files that are pushed after each change. null: Terraform pushes no files."
  type        = string
  default     = null
}

variable "calendars_path" {
  description = "Folder of calendar files that are pushed with the pipelines. null: no calendars."
  type        = string
  default     = null
}

variable "push_role_arn" {
  description = "Role that the push of pipelines_path assumes with the credentials of the shell. null: these credentials themselves."
  type        = string
  default     = null

  validation {
    condition     = var.push_role_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", var.push_role_arn))
    error_message = "push_role_arn must be the ARN of a role, such as arn:aws:iam::123456789012:role/deploy."
  }
}

variable "prune_pipelines" {
  description = "Whether a push removes the pipelines of the deployment that no file of pipelines_path names."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
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

variable "lambda_concurrency" {
  description = "Most invocations of each function at once, a shorter form of reserved_concurrency in lambda_settings, which replaces it. -1: no limit of its own."
  type = object({
    stream_router    = optional(number)
    orchestrator     = optional(number)
    sla_monitor      = optional(number)
    watchdog         = optional(number)
    event_sink       = optional(number)
    alert_dispatcher = optional(number)
  })
  default  = {}
  nullable = false
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

variable "watchdog_schedule" {
  description = "Interval of the watchdog: an EventBridge rate or cron expression."
  type        = string
  default     = "rate(5 minutes)"
  nullable    = false
}

variable "watchdog_interval_seconds" {
  description = "Longest time between two ticks of the watchdog, for the alarms on its silence. null: that of a rate, and 20 minutes for a cron expression."
  type        = number
  default     = null
}

variable "deletion_protection" {
  description = "Whether the tables are protected against deletion. false: for deployments that are deleted again."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_sensor_inbox" {
  description = "Whether there is a queue for sensor readings, for writers without access to the tables."
  type        = bool
  default     = false
  nullable    = false
}

variable "enable_job_events" {
  description = "Whether the events of ended Glue, EMR, EMR Serverless and Step Functions jobs wake the runs that follow them."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_sfn_tracing" {
  description = "Whether the state machine sends traces to X-Ray."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts tables, queues, logs, the bus and variables. Its policy must let events.amazonaws.com and CloudWatch Logs use it. null: AWS's own keys."
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

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null
}

variable "sfn_timeout_seconds" {
  description = "Timeout of an execution, after which Step Functions ends it."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.sfn_timeout_seconds >= 300 && var.sfn_timeout_seconds <= 31536000 && floor(var.sfn_timeout_seconds) == var.sfn_timeout_seconds
    error_message = "sfn_timeout_seconds must be whole seconds between 300 (5 minutes) and 31536000 (a year)."
  }
}

variable "trigger_max_attempts" {
  description = "Retries of a job submission before the run is given up."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.trigger_max_attempts >= 0 && var.trigger_max_attempts <= 99999999 && floor(var.trigger_max_attempts) == var.trigger_max_attempts
    error_message = "trigger_max_attempts must be a whole number, at least 0."
  }
}

variable "enable_glue_trigger" {
  description = "Whether jobs of the type glue may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "glue_job_arns" {
  description = "Glue jobs that may be started. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_emr_trigger" {
  description = "Whether jobs of the type emr may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "emr_cluster_arns" {
  description = "EMR clusters that may be used. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_emr_serverless_trigger" {
  description = "Whether jobs of the type emr-serverless may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "emr_serverless_app_arns" {
  description = "EMR Serverless applications that may be used. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_sfn_trigger" {
  description = "Whether jobs of the type step-function may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "sfn_trigger_arns" {
  description = "State machines that may be started. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_lambda_trigger" {
  description = "Whether jobs of the type lambda may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "lambda_trigger_arns" {
  description = "Functions that may be invoked. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "allow_name_prefixes" {
  description = "Whether the names in glue_job_arns, sfn_trigger_arns and lambda_trigger_arns may end with *, such as job/load-*."
  type        = bool
  default     = false
  nullable    = false
}

variable "emr_serverless_role_arns" {
  description = "Execution roles that EMR Serverless jobs may be given."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "job_secret_arns" {
  description = "Secrets in Secrets Manager that job configs may name as $${secret:NAME}."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "job_secret_key_arns" {
  description = "KMS keys of the secrets in job_secret_arns that are not under AWS's own key."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "glue_log_group_arns" {
  description = "Log groups of Glue jobs that log outside of /aws-glue/, without a last :*."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "job_variables" {
  description = "Values of the INTERLOCK_... variables in job configs. INTERLOCK_TRIGGER_ALLOWED_HOSTS lists the hosts, addresses and networks that http, airflow and databricks jobs may reach in addition to public addresses."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.job_variables) : startswith(name, "INTERLOCK_")])
    error_message = "Only variables whose names begin with INTERLOCK_ expand in job configs."
  }
}

variable "events_table_ttl_days" {
  description = "Lifetime of events, in days."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.events_table_ttl_days >= 1 && var.events_table_ttl_days <= 36500 && floor(var.events_table_ttl_days) == var.events_table_ttl_days
    error_message = "events_table_ttl_days must be a whole number from 1 to 36500."
  }
}

variable "slack_channel_id" {
  description = "Slack channel of the alerts. It is required with a token."
  type        = string
  default     = null
}

variable "dead_man_url" {
  description = "URL that gets a GET after each completed tick of the watchdog, such as a check of Healthchecks; null for none."
  type        = string
  default     = null
  sensitive   = true
}

variable "enable_canary" {
  description = "Each completed tick of the watchdog sends a canary through the bus, the alert queue and Slack, and the alarm canary-late watches it."
  type        = bool
  default     = true
  nullable    = false
}

variable "alert_quiet" {
  description = "Successes update an existing Slack thread and open no thread. false: each success opens a thread."
  type        = bool
  default     = true
  nullable    = false
}

variable "alert_topic_arns" {
  description = "SNS topics that alerts.yaml names as targets."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "alert_topic_key_arns" {
  description = "KMS keys of encrypted topics in alert_topic_arns."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "alert_secret_arns" {
  description = "Secrets Manager secrets with the keys that sign the posts of webhooks, as alerts.yaml names them."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "alert_secret_key_arns" {
  description = "KMS keys of slack_secret_arn and of the secrets in alert_secret_arns that are not under AWS's own key."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "webhook_allowed_hosts" {
  description = "Hosts, addresses and networks that webhooks of alerts may reach in addition to public ones."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "slack_secret_arn" {
  description = "Secrets Manager secret that holds the Slack token, as text or as JSON with SLACK_BOT_TOKEN. Without a secret, alerts are only logged."
  type        = string
  default     = null
}

variable "slack_bot_token" {
  description = "Deprecated: the Slack token in plain text. Use slack_secret_arn."
  type        = string
  default     = null
  sensitive   = true
}

variable "enable_dashboard" {
  description = "Whether there is a CloudWatch dashboard of the deployment."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_policies" {
  description = "Whether there are managed IAM policies for readers, operators and sensor writers. They are attached to no one."
  type        = bool
  default     = false
  nullable    = false
}
