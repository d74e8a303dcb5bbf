variable "deployment" {
  description = "The outputs of modules/deployment."
  type        = any
}

variable "service" {
  description = "Name of the service. Its zip is <dist_path>/<service>.zip."
  type        = string
}

variable "description" {
  description = "Purpose of the function."
  type        = string
}

variable "statements" {
  description = "IAM statements beyond the function's own log."
  type        = any
}

variable "variables" {
  description = "The service's environment variables. They replace those of every function."
  type        = map(string)
}

variable "is_asynchronous" {
  description = "Whether rules, timers or people invoke the function without waiting for its answer. An event that failed for good goes to the queue async-dlq."
  type        = bool
  default     = false
  nullable    = false
}

variable "maximum_event_age_seconds" {
  description = "Age at which an asynchronous event is given up."
  type        = number
  default     = 21600
  nullable    = false
}

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue. null: the log keeps them."
  type        = string
  default     = null

  validation {
    # The name becomes part of a policy, so it may hold no wildcard.
    condition     = var.letter_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.letter_bucket))
    error_message = "letter_bucket must be the name of a bucket: 3 to 63 of a-z, 0-9, '.' and '-'."
  }
}
