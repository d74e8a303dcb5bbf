variable "reserved_concurrency" {
  description = "Most invocations at once. -1: no limit of its own."
  type        = number
  default     = 5
  nullable    = false
}

variable "async_dlq_arn" {
  description = "ARN of the queue for asynchronous events that failed. null: that of this environment."
  type        = string
  default     = null
}
