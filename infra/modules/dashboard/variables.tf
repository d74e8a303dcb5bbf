variable "deployment" {
  description = "The outputs of modules/deployment."
  type        = any
}

variable "environment" {
  description = "Name of the deployment."
  type        = string
}

variable "queues" {
  description = "Names of the queues."
  type        = list(string)
}
