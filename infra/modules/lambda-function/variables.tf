variable "environment" {
  description = "Name of the deployment."
  type        = string
}

variable "service" {
  description = "Name of the service. Its zip is <dist_path>/<service>.zip."
  type        = string
}

variable "description" {
  description = "Purpose of the function."
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
  description = "Timeout of an invocation."
  type        = number
}

variable "reserved_concurrency" {
  description = "Most invocations at once. -1: no limit of its own."
  type        = number
}

variable "log_retention_days" {
  description = "Lifetime of the log."
  type        = number
}

variable "vpc_subnet_ids" {
  description = "Subnets of the function, for targets with private addresses. []: the function is in no VPC."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "vpc_security_group_ids" {
  description = "Security groups of the function in its VPC."
  type        = list(string)
  default     = []
  nullable    = false
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
  description = "Optional environment variables that every service knows. Those of the service replace them."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "profile_bucket" {
  description = "Bucket for CPU profiles. null: no profiles."
  type        = string
  default     = null
}

variable "letter_bucket" {
  description = "S3 bucket for dead letters that are too large for their queue; null keeps them in the log."
  type        = string
  default     = null
}

variable "dead_letter_arn" {
  description = "Queue for asynchronous events that failed for good. null: the function is not invoked asynchronously."
  type        = string
  default     = null
}

variable "maximum_event_age_seconds" {
  description = "Age at which an asynchronous event is given up."
  type        = number
  default     = 21600
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs that receive the alarms."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts tables, queues and the function's variables. null: AWS's own keys."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
}
