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

  validation {
    condition     = var.slack_channel_id == null || can(regex("^([CDG][A-Z0-9]+)?$", var.slack_channel_id))
    error_message = "slack_channel_id must be the id of a channel, such as C0123456789, not its name."
  }
}

variable "slack_secret_arn" {
  description = "Secrets Manager secret that holds the Slack token, as text or as JSON with SLACK_BOT_TOKEN. Without a secret, alerts are only logged."
  type        = string
  default     = null

  validation {
    condition     = var.slack_secret_arn == null || can(regex("^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+)?$", var.slack_secret_arn))
    error_message = "slack_secret_arn must be the ARN of a secret in Secrets Manager, without wildcards."
  }
}

variable "slack_bot_token" {
  description = "Deprecated: the Slack token in plain text. Use slack_secret_arn."
  type        = string
  default     = null
  sensitive   = true
}

variable "alert_quiet" {
  description = "Successes update an existing Slack thread and open no thread. false: each success opens a thread."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_canary" {
  description = "The alert queue takes the canaries of the watchdog, and the alarm canary-late watches them. infra/services/watchdog needs the same value."
  type        = bool
  default     = true
  nullable    = false
}

variable "watchdog_schedule" {
  description = "Interval of the watchdog. The alarm canary-late goes off after three of them without a canary, or after an hour for a cron expression."
  type        = string
  default     = "rate(5 minutes)"
  nullable    = false

  validation {
    condition     = can(regex("^rate[(](1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))[)]$", var.watchdog_schedule)) || can(regex("^cron[(][^ ?]+ [^ ?]+ ([?] [^ ?]+ [^ ?]+|[^ ?]+ [^ ?]+ [?]) [^ ?]+[)]$", var.watchdog_schedule))
    error_message = "watchdog_schedule must be a rate such as rate(1 minute) or rate(5 minutes), or a cron(…) of six fields with one ?, such as cron(0/5 * * * ? *)."
  }
}

variable "watchdog_interval_seconds" {
  description = "Longest time between two ticks of the watchdog, for the alarms on its silence. null: that of a rate, and 20 minutes for a cron expression."
  type        = number
  default     = null

  validation {
    condition     = var.watchdog_interval_seconds == null || (coalesce(var.watchdog_interval_seconds, 60) >= 60 && coalesce(var.watchdog_interval_seconds, 60) <= 259200)
    error_message = "watchdog_interval_seconds must be between 60 (a minute) and 259200 (three days)."
  }
}

variable "event_bus" {
  description = "Name of the bus. null: that of this environment."
  type        = string
  default     = null
}

variable "alerts_queue_arn" {
  description = "ARN of the alert queue. null: that of this environment."
  type        = string
  default     = null
}

variable "alert_dlq_arn" {
  description = "ARN of the alert queue's dead-letter queue. null: that of this environment."
  type        = string
  default     = null
}

variable "alert_topic_arns" {
  description = "SNS topics that alerts.yaml names as targets."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alert_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}([.]fifo)?$", arn))])
    error_message = "alert_topic_arns must be ARNs of SNS topics, without wildcards."
  }
}

variable "alert_topic_key_arns" {
  description = "KMS keys of encrypted topics in alert_topic_arns."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alert_topic_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "alert_topic_key_arns must be ARNs of KMS keys (arn:aws:kms:…:key/…), without wildcards and not of aliases."
  }
}

variable "alert_secret_arns" {
  description = "Secrets Manager secrets with the keys that sign the posts of webhooks, as alerts.yaml names them."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alert_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", arn))])
    error_message = "alert_secret_arns must be ARNs of secrets in Secrets Manager, without wildcards."
  }
}

variable "alert_secret_key_arns" {
  description = "KMS keys of slack_secret_arn and of the secrets in alert_secret_arns that are not under AWS's own key."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alert_secret_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "alert_secret_key_arns must be ARNs of KMS keys (arn:aws:kms:…:key/…), without wildcards and not of aliases."
  }
}

variable "webhook_allowed_hosts" {
  description = "Hosts, addresses and networks that webhooks of alerts may reach in addition to public ones."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null
}
