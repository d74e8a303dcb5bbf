variable "environment" {
  description = "Name of the deployment. Every resource is called <environment>-interlock-<thing>."
  type        = string
}

variable "lambda_settings" {
  description = "Settings of single functions, as for the services. The queues of a function depend on its timeout_seconds."
  type        = any
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the tables are protected against deletion. false: for deployments that are deleted again."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts tables, queues and the bus. Its policy must let events.amazonaws.com use it. null: AWS's own keys."
  type        = string
  default     = null
}

variable "sns_alarm_topic_arn" {
  description = "SNS topic that receives the alarms, or null."
  type        = string
  default     = null
}

variable "alarm_thresholds" {
  description = "Thresholds of the alarms that belong to no single function, such as { alert_age_seconds = 1800 }."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "role_arns" {
  description = "Own roles, by service, and by sfn and scheduler. A role that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "queue_arns" {
  description = "Own queues, by async-dlq: the queue for asynchronous events that failed. A queue that is not named is created."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the permissions of each role that is created. null: no boundary."
  type        = string
  default     = null
}

variable "iam_path" {
  description = "Path of the roles and policies that are created."
  type        = string
  default     = "/"
  nullable    = false
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "enable_sensor_inbox" {
  description = "Whether there is a queue for sensor readings, for writers without access to the tables."
  type        = bool
  default     = false
  nullable    = false
}

variable "enable_dashboard" {
  description = "Whether there is a CloudWatch dashboard of the deployment."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_policies" {
  description = "Whether there are managed IAM policies for readers, operators and sensor writers. They are attached to no one."
  type        = bool
  default     = false
  nullable    = false
}
