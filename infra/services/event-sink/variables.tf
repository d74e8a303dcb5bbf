variable "reserved_concurrency" {
  description = "Most invocations at once. -1: no limit of its own."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || (var.reserved_concurrency >= 1 && var.reserved_concurrency <= 1000 && floor(var.reserved_concurrency) == var.reserved_concurrency)
    error_message = "reserved_concurrency is ${var.reserved_concurrency}, must be -1 or a whole number from 1 to 1000. A queue invokes at most 1000 at once."
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

variable "event_bus" {
  description = "Name of the bus. null: that of this environment."
  type        = string
  default     = null
}

variable "event_sink_queue_arn" {
  description = "ARN of the queue of the event-sink. null: that of this environment."
  type        = string
  default     = null
}

variable "event_sink_dlq_arn" {
  description = "ARN of the dead-letter queue of the event-sink. null: that of this environment."
  type        = string
  default     = null
}

variable "async_dlq_arn" {
  description = "ARN of the queue for direct invocations that failed. null: that of this environment."
  type        = string
  default     = null
}

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null

  validation {
    # The name becomes part of a policy, so it may hold no wildcard.
    condition     = var.letter_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.letter_bucket))
    error_message = "letter_bucket must be the name of a bucket: 3 to 63 of a-z, 0-9, '.' and '-'."
  }
}
