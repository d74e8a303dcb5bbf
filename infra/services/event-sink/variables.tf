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

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null
}
