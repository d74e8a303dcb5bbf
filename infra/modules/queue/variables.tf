variable "name" {
  description = "Name of the queue. A name that ends with .fifo makes a FIFO queue."
  type        = string
}

variable "arn" {
  description = "ARN that the queue will have: known in the plan, so that its policy can be read there."
  type        = string
}

variable "retention_seconds" {
  description = "Lifetime of a message."
  type        = number
  default     = 1209600
  nullable    = false
}

variable "visibility_timeout_seconds" {
  description = "Time for which a received message is hidden: six times the timeout of the function that reads it."
  type        = number
  default     = 30
  nullable    = false
}

variable "dead_letter" {
  description = "Queue for messages that were received too often."
  type        = object({ queue_arn = string, max_receives = number })
  default     = null
}

variable "rule_arns" {
  description = "EventBridge rules that may send to the queue."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "alarm" {
  description = "Whether any waiting message raises an alarm: for dead-letter queues."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_description" {
  description = "Text of the alarm. null: that of the queues of a deployment, which interlock dlq lists."
  type        = string
  default     = null
}

variable "alarm_threshold" {
  description = "Number of waiting messages above which the alarm goes off."
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

variable "kms_key_arn" {
  description = "Key that encrypts the queue. Its policy must let events.amazonaws.com use it. null: SQS's own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the queue."
  type        = map(string)
  default     = {}
  nullable    = false
}
