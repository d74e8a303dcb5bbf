variable "environment" {
  description = "Name of the deployment."
  type        = string
}

variable "service" {
  description = "Name of the service; its zip is <dist_path>/<service>.zip."
  type        = string
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "dist_path" {
  description = "Folder of the zips."
  type        = string
}

variable "lambda_architecture" {
  description = "Processor the zips are built for: arm64 or x86_64."
  type        = string
}

variable "lambda_memory_size" {
  description = "Memory in MB."
  type        = number
}

variable "timeout_seconds" {
  description = "How long an invocation may take."
  type        = number
}

variable "reserved_concurrency" {
  description = "How many invocations may run at once; -1 for no limit of its own."
  type        = number
}

variable "log_retention_days" {
  description = "How long the log is kept."
  type        = number
}

variable "statements" {
  description = "IAM statements beyond the function's own log."
  type        = any
}

variable "variables" {
  description = "The service's environment variables."
  type        = map(string)
}

variable "environment_variables" {
  description = "Optional environment variables that every service knows; the service's own win."
  type        = map(string)
  default     = {}
}

variable "profile_bucket" {
  description = "Bucket for CPU profiles; null for none."
  type        = string
  default     = null
}

variable "dead_letter_arn" {
  description = "Queue for asynchronous events that failed for good; null for a function that is not invoked so."
  type        = string
  default     = null
}

variable "maximum_event_age_seconds" {
  description = "How old an asynchronous event may grow before it is given up."
  type        = number
  default     = 21600
}

variable "alarm_actions" {
  description = "ARNs that receive the alarms."
  type        = list(string)
  default     = []
}

variable "kms_key_arn" {
  description = "Key that encrypts tables, queues and the function's variables; null uses AWS's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
