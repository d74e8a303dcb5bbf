variable "region" {
  description = "Region of the bucket and of the deployment of Interlock."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "environment" {
  description = "Name of the deployment of Interlock."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.environment))
    error_message = "environment must be 1 to 32 of a-z, 0-9 and '-', with a letter or digit at both ends."
  }
}

variable "pipeline" {
  description = "Id of the pipeline."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,64}$", var.pipeline))
    error_message = "pipeline must be 1 to 64 letters, digits, '-', '_' or '.'."
  }
}

variable "bucket" {
  description = "Name of the bucket. Its setting \"Send notifications to Amazon EventBridge\" must be on."
  type        = string
}

variable "key_prefix" {
  description = "Beginning of the keys of the objects. Other objects are ignored."
  type        = string
}

variable "key_pattern" {
  description = "Regular expression of Python that finds the date in a key, by the groups date, or year, month and day, and optionally hour."
  type        = string
  default     = "(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
  nullable    = false

  validation {
    condition = alltrue([for name in strcontains(var.key_pattern, "(?P<date>") ? ["date"] : ["year", "month", "day"] :
    strcontains(var.key_pattern, "(?P<${name}>")])
    error_message = "key_pattern must have the group (?P<date>…), or the groups (?P<year>…), (?P<month>…) and (?P<day>…)."
  }
}

variable "sensor_key" {
  description = "Key of the sensor. {name} is the text of a group of the pattern."
  type        = string
  default     = "landing"
  nullable    = false
}

variable "zip_path" {
  description = "Zip with handler.py of examples/s3_arrivals and the package interlock_sensors."
  type        = string

  validation {
    condition     = fileexists(var.zip_path)
    error_message = "zip_path does not exist. Write it with python -m zipfile -c, as the begin of main.tf shows."
  }
}

variable "alarm_topic_arns" {
  description = "ARNs of the SNS topics of the alarm."
  type        = list(string)
  default     = []
  nullable    = false
}
