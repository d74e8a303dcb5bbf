variable "watchdog_schedule" {
  description = "Interval of the watchdog: an EventBridge rate or cron expression."
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

variable "dead_man_url" {
  description = "URL that gets a GET after each completed tick, such as a check of Healthchecks; null for none."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.dead_man_url == null || can(regex("^https?://[^/]+", var.dead_man_url))
    error_message = "dead_man_url must be an http or https URL, or null."
  }
}

variable "enable_canary" {
  description = "Each completed tick sends a canary through the bus, the alert queue and Slack. infra/services/alert-dispatcher needs the same value."
  type        = bool
  default     = true
  nullable    = false
}

variable "sfn_timeout_seconds" {
  description = "Timeout of an execution. The lease of a run is 30 minutes longer."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.sfn_timeout_seconds >= 300 && var.sfn_timeout_seconds <= 31536000 && floor(var.sfn_timeout_seconds) == var.sfn_timeout_seconds
    error_message = "sfn_timeout_seconds must be whole seconds between 300 (5 minutes) and 31536000 (a year)."
  }
}

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null
}
