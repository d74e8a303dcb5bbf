variable "prefix" {
  description = "Common beginning of the names of our alarms, without the last '-'."
  type        = string
}

variable "rule_name" {
  description = "Name of the rule."
  type        = string
}

variable "target_arn" {
  description = "Function or queue that takes the events. Its policy must permit the rule to send."
  type        = string
}

variable "dead_letter_arn" {
  description = "Queue for events that the target rejects. null: no queue."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the rule."
  type        = map(string)
  default     = {}
  nullable    = false
}
