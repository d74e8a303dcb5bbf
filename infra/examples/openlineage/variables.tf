variable "region" {
  description = "Region of the deployment."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "environment" {
  description = "Name of the deployment, the first part of all names."
  type        = string
}

variable "event_bus_name" {
  description = "Name of the event bus of Interlock: the output event_bus of infra/stack. null: that of the environment."
  type        = string
  default     = null
}

variable "zip_path" {
  description = "Zip with consumer.py and lineage.py of examples/openlineage."
  type        = string

  validation {
    condition     = fileexists(var.zip_path)
    error_message = "zip_path does not exist. Write it with python -m zipfile -c, as the begin of main.tf shows."
  }
}

variable "openlineage_url" {
  description = "Address of the server of OpenLineage, without the path of its API."
  type        = string

  validation {
    condition     = can(regex("^https://[^@/]+", var.openlineage_url))
    error_message = "openlineage_url must begin with https:// and have no credentials."
  }
}

variable "openlineage_namespace" {
  description = "Namespace of the jobs and the sensors."
  type        = string
  default     = "interlock"
  nullable    = false
}

variable "openlineage_secret_arn" {
  description = "ARN of a secret in Secrets Manager with the API key. null: the server needs none."
  type        = string
  default     = null

  validation {
    condition     = var.openlineage_secret_arn == null || can(regex("^arn:[^:]+:secretsmanager:[^:*]+:[0-9]{12}:secret:[^*]+$", var.openlineage_secret_arn))
    error_message = "openlineage_secret_arn must be the ARN of a secret in Secrets Manager, without wildcards."
  }
}

variable "alarm_topic_arns" {
  description = "ARNs of SNS topics for the alarm about dead letters."
  type        = list(string)
  default     = []
  nullable    = false
}
