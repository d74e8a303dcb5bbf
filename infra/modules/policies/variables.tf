variable "deployment" {
  description = "The outputs of modules/deployment."
  type        = any
}

variable "queues" {
  description = "Names of the queues after their prefix. Readers count their messages, and operators send those of dead-letter queues again."
  type        = list(string)
}

variable "enable_sensor_inbox" {
  description = "Whether there is a sensor inbox, so that its writers need no access to the tables."
  type        = bool
}
