variable "async_dlq_arn" {
  description = "ARN of the queue for asynchronous events that failed. null: that of this environment."
  type        = string
  default     = null
}
