# The event-sink: keeps every event of the bus, and our alarms, in the events table.

locals {
  async_dlq_arn = coalesce(var.async_dlq_arn, module.names.queue_arns["async-dlq"])
}

module "function" {
  source = "../../modules/lambda-function"

  service               = "event-sink"
  description           = "Interlock: keeps every event in the events table."
  timeout_seconds       = 60
  environment           = var.environment
  dist_path             = var.dist_path
  lambda_architecture   = var.lambda_architecture
  lambda_memory_size    = var.lambda_memory_size
  reserved_concurrency  = var.reserved_concurrency
  log_retention_days    = var.log_retention_days
  environment_variables = var.environment_variables
  profile_bucket        = var.profile_bucket
  alarm_actions         = local.alarm_actions
  kms_key_arn           = local.kms_key_arn
  tags                  = var.tags
  dead_letter_arn       = local.async_dlq_arn

  variables = {
    EVENTS_TABLE    = module.names.tables["events"]
    EVENTS_TTL_DAYS = tostring(var.events_table_ttl_days)
  }

  statements = [{
    Sid      = "Events"
    Effect   = "Allow"
    Action   = ["dynamodb:PutItem"]
    Resource = module.names.table_arns["events"]
  }]
}

resource "aws_cloudwatch_event_rule" "all" {
  name           = module.names.rules["event-sink"]
  description    = "Every event of Interlock's."
  event_bus_name = coalesce(var.event_bus, module.names.event_bus)
  event_pattern  = jsonencode({ source = ["interlock"] })
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "all" {
  rule           = aws_cloudwatch_event_rule.all.name
  target_id      = "interlock"
  event_bus_name = aws_cloudwatch_event_rule.all.event_bus_name
  arn            = module.function.arn

  dead_letter_config {
    arn = local.async_dlq_arn
  }
}

module "alarm_events" {
  source = "../../modules/alarm-events"

  prefix          = module.names.prefix
  rule_name       = module.names.rules["infra-alarm-events"]
  target_arn      = module.function.arn
  dead_letter_arn = local.async_dlq_arn
  tags            = var.tags
}

resource "aws_lambda_permission" "this" {
  for_each = { event-sink = aws_cloudwatch_event_rule.all.arn, infra-alarm-events = module.alarm_events.rule_arn }

  statement_id  = "events-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = each.value
}
