variable "environment" {
  description = "Name of the deployment. Every resource is called <environment>-interlock-<thing>."
  type        = string

  validation {
    # The longest name is a function's (64 characters) or a role's (64), so this leaves room for every suffix.
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.environment))
    error_message = "environment must be 1 to 32 of a-z, 0-9 and '-', and begin and end with a letter or digit."
  }
}

variable "iam_path" {
  description = "Path of the roles and policies."
  type        = string
  default     = "/"
  nullable    = false
}

variable "role_arns" {
  description = "Own roles, by service, and by sfn and scheduler."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "snap_start_services" {
  description = "Services whose invokers name the alias of the function."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "aliased_services" {
  description = "Services whose function has an alias: those of snap_start_services, and those before and after SnapStart."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "queue_arns" {
  description = "Own queues, by async-dlq: the queue for asynchronous events that failed. A queue that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false
}
