variable "name" {
  description = "Name of the table."
  type        = string
}

variable "stream" {
  description = "Whether changes go to a stream (new images)."
  type        = bool
  default     = false
  nullable    = false
}

variable "indexes" {
  description = "Global secondary indexes. range_type is S or N. include: the projected attributes that are no keys, null for all."
  type = list(object({
    name       = string
    hash_key   = string
    range_key  = string
    range_type = optional(string, "S")
    include    = optional(list(string))
  }))
  default  = []
  nullable = false
}

variable "deletion_protection" {
  description = "Whether the table is protected against deletion."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_threshold" {
  description = "Number of throttled reads and writes above which the alarm goes off."
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
  description = "Key that encrypts the table. null: AWS's own key for DynamoDB."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the table."
  type        = map(string)
  default     = {}
  nullable    = false
}
