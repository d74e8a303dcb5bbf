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

variable "stream_arns" {
  description = "Streams of the tables. null: they are looked up by the names of the tables."
  type        = object({ control = string, joblog = string })
  default     = null
}

variable "stream_dlq_arns" {
  description = "Queues for batches that failed for good. null: those of this environment."
  type        = object({ control = string, joblog = string })
  default     = null
}

variable "enable_sensor_inbox" {
  description = "Whether the router reads the sensor inbox, a queue of infra/shared with the same variable."
  type        = bool
  default     = false
  nullable    = false
}

variable "sensor_inbox_arns" {
  description = "Sensor inbox and its dead-letter queue. null: those of this environment."
  type        = object({ inbox = string, dlq = string })
  default     = null
}

variable "enable_job_events" {
  description = "Whether the events of ended Glue, EMR, EMR Serverless and Step Functions jobs wake the runs that follow them."
  type        = bool
  default     = true
  nullable    = false
}

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null
}
