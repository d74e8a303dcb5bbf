variable "region" {
  description = "Region of the deployment."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "dist_path" {
  description = "Folder of the Lambda zips, which `interlock build` writes."
  type        = string
}
