variable "name" {
  description = "Beginning of the name of the alarm: the name of the function that the rules serve."
  type        = string
}

variable "rules" {
  description = "Names of the rules, each with the name of its bus. At most ten, the limit of an alarm."
  type        = map(string)
}

variable "alarm_threshold" {
  description = "Number of failed invocations above which the alarm goes off."
  type        = number
  default     = 0
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs that receive the alarm."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "tags" {
  description = "Tags of the alarm."
  type        = map(string)
  default     = {}
  nullable    = false
}
