variable "reserved_concurrency" {
  description = "Most invocations at once. -1: no limit of its own."
  type        = number
  default     = 2
}

variable "watchdog_schedule" {
  description = "Interval of the watchdog: an EventBridge rate or cron expression."
  type        = string
  default     = "rate(5 minutes)"

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.watchdog_schedule))
    error_message = "watchdog_schedule must be rate(...) or cron(...)."
  }
}

variable "sfn_timeout_seconds" {
  description = "Timeout of an execution. The lease of a run is 30 minutes longer."
  type        = number
  default     = 14400
}

variable "async_dlq_arn" {
  description = "ARN of the queue for asynchronous events that failed. null: that of this environment."
  type        = string
  default     = null
}
