variable "sfn_timeout_seconds" {
  description = "Timeout of an execution, after which Step Functions ends it."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.sfn_timeout_seconds >= 300 && var.sfn_timeout_seconds <= 31536000 && floor(var.sfn_timeout_seconds) == var.sfn_timeout_seconds
    error_message = "sfn_timeout_seconds must be whole seconds between 300 (5 minutes) and 31536000 (a year)."
  }
}

variable "trigger_max_attempts" {
  description = "Retries of a job submission before the run is given up."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.trigger_max_attempts >= 0 && var.trigger_max_attempts <= 99999999 && floor(var.trigger_max_attempts) == var.trigger_max_attempts
    error_message = "trigger_max_attempts must be a whole number, at least 0."
  }
}

variable "enable_glue_trigger" {
  description = "Whether jobs of the type glue may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "glue_job_arns" {
  description = "Glue jobs that may be started. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_emr_trigger" {
  description = "Whether jobs of the type emr may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "emr_cluster_arns" {
  description = "EMR clusters that may be used. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_emr_serverless_trigger" {
  description = "Whether jobs of the type emr-serverless may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "emr_serverless_app_arns" {
  description = "EMR Serverless applications that may be used. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_sfn_trigger" {
  description = "Whether jobs of the type step-function may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "sfn_trigger_arns" {
  description = "State machines that may be started. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_lambda_trigger" {
  description = "Whether jobs of the type lambda may be started."
  type        = bool
  default     = false
  nullable    = false
}

variable "lambda_trigger_arns" {
  description = "Functions that may be invoked. The list must not be empty if the type is enabled."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "allow_name_prefixes" {
  description = "Whether the names in glue_job_arns, sfn_trigger_arns and lambda_trigger_arns may end with *, such as job/load-*."
  type        = bool
  default     = false
  nullable    = false
}

variable "emr_serverless_role_arns" {
  description = "Execution roles that EMR Serverless jobs may be given."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "job_secret_arns" {
  description = "Secrets in Secrets Manager that job configs may name as $${secret:NAME}."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.job_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", arn))])
    error_message = "job_secret_arns must be ARNs of secrets in Secrets Manager, without wildcards."
  }
}

variable "job_secret_key_arns" {
  description = "KMS keys of the secrets in job_secret_arns that are not under AWS's own key."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.job_secret_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "job_secret_key_arns must be ARNs of KMS keys (arn:aws:kms:…:key/…), without wildcards and not of aliases."
  }
}

variable "glue_log_group_arns" {
  description = "Log groups of Glue jobs that log outside of /aws-glue/, without a last :*."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.glue_log_group_arns : can(regex("^arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9_/.#-]{1,512}$", arn))])
    error_message = "glue_log_group_arns must be ARNs of log groups (arn:aws:logs:…:log-group:…), without wildcards."
  }
}

variable "job_variables" {
  description = "Values of the INTERLOCK_... variables in job configs. INTERLOCK_TRIGGER_ALLOWED_HOSTS lists the hosts, addresses and networks that http, airflow and databricks jobs may reach in addition to public addresses."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.job_variables) : startswith(name, "INTERLOCK_")])
    error_message = "Only variables whose names begin with INTERLOCK_ expand in job configs."
  }
}

variable "wakers" {
  description = "ARNs of the functions that wake waiting executions, and of the alias of the SLA monitor. The definition of the state machine is updated after them."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_job_events" {
  description = "Whether the stream-router takes the events of ended jobs. If false, the orchestrator polls followed jobs."
  type        = bool
  default     = true
  nullable    = false
}

variable "enable_sfn_tracing" {
  description = "Whether the state machine sends traces to X-Ray."
  type        = bool
  default     = false
  nullable    = false
}
