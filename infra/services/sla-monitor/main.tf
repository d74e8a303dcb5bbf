# The SLA monitor: sets timers, and is invoked by them.

locals {
  async_dlq_arn = coalesce(var.async_dlq_arn, module.names.queue_arns["async-dlq"])
}

module "function" {
  source = "../../modules/lambda-function"

  service                = "sla-monitor"
  description            = "Interlock: sets SLA timers, fires and settles them."
  timeout_seconds        = 60
  environment            = var.environment
  dist_path              = var.dist_path
  lambda_architecture    = var.lambda_architecture
  lambda_memory_size     = var.lambda_memory_size
  reserved_concurrency   = var.reserved_concurrency
  log_retention_days     = var.log_retention_days
  vpc_subnet_ids         = var.vpc_subnet_ids
  vpc_security_group_ids = var.vpc_security_group_ids
  environment_variables  = var.environment_variables
  profile_bucket         = var.profile_bucket
  alarm_actions          = local.alarm_actions
  kms_key_arn            = local.kms_key_arn
  tags                   = var.tags
  dead_letter_arn        = local.async_dlq_arn

  variables = merge(local.table_variables, local.timer_variables)

  statements = concat(
    module.names.statements.control,
    module.names.statements.read_logs,
    module.names.statements.timers,
  )
}
