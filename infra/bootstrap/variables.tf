variable "bucket" {
  description = "Name of the bucket, unique in all of AWS, such as data-terraform-states."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket is ${var.bucket}, must be 3 to 63 of a-z, 0-9, '.' and '-'."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the states. null: S3's own encryption."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:…:key/…), not of an alias."
  }
}

variable "noncurrent_days" {
  description = "Lifetime of earlier states."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days is ${var.noncurrent_days}, must be whole days, at least 1."
  }
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
  nullable    = false
}
