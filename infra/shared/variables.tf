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
