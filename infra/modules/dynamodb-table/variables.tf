variable "name" {
  description = "Name of the table."
  type        = string
}

variable "stream" {
  description = "Whether changes go to a stream (new images)."
  type        = bool
  default     = false
}

variable "indexes" {
  description = "Global secondary indexes, all attributes projected; range_type is S or N."
  type = list(object({
    name       = string
    hash_key   = string
    range_key  = string
    range_type = optional(string, "S")
  }))
  default = []
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "Key that encrypts the table; null uses AWS's own for DynamoDB."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the table."
  type        = map(string)
  default     = {}
}
