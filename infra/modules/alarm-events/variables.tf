variable "prefix" {
  description = "What the names of our alarms begin with, without the last '-'."
  type        = string
}

variable "rule_name" {
  description = "Name of the rule."
  type        = string
}

variable "target_arn" {
  description = "Function or queue that takes the events; it must let the rule do so."
  type        = string
}

variable "dead_letter_arn" {
  description = "Queue for events that the target would not take; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the rule."
  type        = map(string)
  default     = {}
}
