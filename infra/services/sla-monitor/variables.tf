variable "reserved_concurrency" {
  description = "Most invocations at once. -1: no limit of its own."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || (var.reserved_concurrency >= 1 && var.reserved_concurrency <= 10000 && floor(var.reserved_concurrency) == var.reserved_concurrency)
    error_message = "reserved_concurrency is ${var.reserved_concurrency}, must be -1 or a whole number from 1 to 10000."
  }
}

variable "async_dlq_arn" {
  description = "ARN of the queue for asynchronous events that failed. null: that of this environment."
  type        = string
  default     = null
}
