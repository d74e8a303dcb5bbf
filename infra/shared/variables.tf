variable "environment" {
  description = "Name of the deployment. Every resource is called <environment>-interlock-<thing>."
  type        = string
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

  validation {
    # A policy takes no alias: it would permit nothing.
    condition     = var.kms_key_arn == null || can(regex("^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:…:key/…), not of an alias."
  }
}

variable "sns_alarm_topic_arn" {
  description = "SNS topic that receives the alarms, or null."
  type        = string
  default     = null

  validation {
    condition     = var.sns_alarm_topic_arn == null || can(regex("^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256})?$", var.sns_alarm_topic_arn))
    error_message = "sns_alarm_topic_arn must be the ARN of an SNS topic, not of a FIFO topic."
  }
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
