variable "reserved_concurrency" {
  description = "How many invocations may run at once; -1 for no limit of its own."
  type        = number
  default     = 5
}

variable "async_dlq_arn" {
  description = "ARN of the queue for asynchronous events that failed; null takes that of this environment."
  type        = string
  default     = null
}
