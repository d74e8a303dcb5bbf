variable "reserved_concurrency" {
  description = "How many invocations may run at once; -1 for no limit of its own."
  type        = number
  default     = 3
}

variable "events_table_ttl_days" {
  description = "How long events are kept, in days."
  type        = number
  default     = 90

  validation {
    condition     = var.events_table_ttl_days >= 1 && floor(var.events_table_ttl_days) == var.events_table_ttl_days
    error_message = "events_table_ttl_days must be a whole number, at least 1."
  }
}

variable "slack_channel_id" {
  description = "Slack channel of the alerts; needed once there is a token."
  type        = string
  default     = null
}

variable "slack_secret_arn" {
  description = "Secrets Manager secret that holds the Slack token, as text or as JSON with SLACK_BOT_TOKEN; without one alerts are logged."
  type        = string
  default     = null
}

variable "slack_bot_token" {
  description = "Deprecated: the Slack token in plain text. Use slack_secret_arn."
  type        = string
  default     = null
  sensitive   = true
}

variable "alert_quiet" {
  description = "Successes update an existing Slack thread and open none; false opens a thread for each."
  type        = bool
  default     = true
}

variable "event_bus" {
  description = "Name of the bus; null takes that of this environment."
  type        = string
  default     = null
}

variable "alerts_queue_arn" {
  description = "ARN of the alert queue; null takes that of this environment."
  type        = string
  default     = null
}

variable "alert_dlq_arn" {
  description = "ARN of the alert queue's dead-letter queue; null takes that of this environment."
  type        = string
  default     = null
}
