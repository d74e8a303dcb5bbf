# The event-sink: it keeps every event of the bus and our alarms in the events table. They come through its queue.

locals {
  queue_arn     = coalesce(var.event_sink_queue_arn, module.names.queue_arns["event-sink"])
  dlq_arn       = coalesce(var.event_sink_dlq_arn, module.names.queue_arns["event-sink-dlq"])
  async_dlq_arn = coalesce(var.async_dlq_arn, module.names.queue_arns["async-dlq"])
}

module "function" {
  source = "../../modules/lambda-function"

  service                = "event-sink"
  description            = "Interlock: keeps every event in the events table."
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
  letter_bucket          = var.letter_bucket
  alarm_actions          = local.alarm_actions
  kms_key_arn            = local.kms_key_arn
  tags                   = var.tags
  # For direct invocations: those that began before the queue existed, and those of an operator.
  dead_letter_arn = local.async_dlq_arn

  variables = {
    EVENTS_TABLE    = module.names.tables["events"]
    EVENTS_TTL_DAYS = tostring(var.events_table_ttl_days)
    DLQ_QUEUE_URL   = module.names.queue_urls["event-sink-dlq"]
  }

  statements = [
    {
      Sid      = "Events"
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem"]
      Resource = module.names.table_arns["events"]
    },
    {
      Sid      = "Queue"
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = local.queue_arn
    },
    {
      Sid      = "Letters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = local.dlq_arn
    },
  ]
}

resource "aws_lambda_event_source_mapping" "events" {
  function_name                      = module.function.arn
  event_source_arn                   = local.queue_arn
  batch_size                         = 100
  maximum_batching_window_in_seconds = 2
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.tags

  # The queue limits itself: messages that find no free function would otherwise count as received.
  scaling_config {
    maximum_concurrency = max(2, var.reserved_concurrency == -1 ? 10 : var.reserved_concurrency)
  }
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
  arn            = local.queue_arn

  dead_letter_config {
    arn = local.dlq_arn
  }
}

module "alarm_events" {
  source = "../../modules/alarm-events"

  prefix          = module.names.prefix
  rule_name       = module.names.rules["infra-alarm-events"]
  target_arn      = local.queue_arn
  dead_letter_arn = local.dlq_arn
  tags            = var.tags
}
