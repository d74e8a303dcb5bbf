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

variable "alarm_email" {
  description = "Address that receives the alarms."
  type        = string
}

variable "slack_channel_id" {
  description = "Channel that receives the alerts."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the orchestrator."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the orchestrator."
  type        = list(string)
}

variable "producer_role_name" {
  description = "Role of a producer of readings."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the account for new roles. null: no boundary."
  type        = string
  default     = null
}
