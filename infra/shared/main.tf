# The shared resources of all services: the tables, the bus, the group of the SLA timers, and the queues that belong to no
# single function.

module "deployment" {
  source = "../modules/deployment"

  environment              = var.environment
  lambda_settings          = var.lambda_settings
  kms_key_arn              = var.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = var.alarm_thresholds
  role_arns                = var.role_arns
  queue_arns               = var.queue_arns
  permissions_boundary_arn = var.permissions_boundary_arn
  iam_path                 = var.iam_path
  tags                     = var.tags
}

locals {
  names         = module.deployment.names
  kms_key_arn   = module.deployment.kms_key_arn
  alarm_actions = module.deployment.alarm_actions
  thresholds    = module.deployment.thresholds

  # The queues hide a received message for as long as the function that reads it may take.
  timeouts = { for service, settings in module.deployment.functions : service => settings.timeout_seconds }
}

module "dashboard" {
  count  = var.enable_dashboard ? 1 : 0
  source = "../modules/dashboard"

  deployment  = module.deployment
  environment = var.environment
  queues      = local.queues
}

module "policies" {
  count  = var.enable_policies ? 1 : 0
  source = "../modules/policies"

  deployment          = module.deployment
  enable_sensor_inbox = var.enable_sensor_inbox
  queues = concat(
    ["alert-dlq", "alerts", "event-sink", "event-sink-dlq", "job-events-dlq", "sr-control-dlq", "sr-joblog-dlq"],
    !contains(keys(var.queue_arns), "async-dlq") ? ["async-dlq"] : [],
    var.enable_sensor_inbox ? ["sensor-inbox-dlq"] : [],
  )
}
