# The event-sink: it keeps every event of the bus and our alarms in the events table. They come through its queue.

locals {
  concurrency = module.deployment.functions["event-sink"].reserved_concurrency
  queue_arn   = coalesce(var.event_sink_queue_arn, local.names.queue_arns["event-sink"])
  dlq_arn     = coalesce(var.event_sink_dlq_arn, local.names.queue_arns["event-sink-dlq"])
}

module "function" {
  source = "../../modules/lambda-function"

  deployment    = module.deployment
  service       = "event-sink"
  description   = "Interlock: keeps every event in the events table."
  letter_bucket = var.letter_bucket
  # For direct invocations: those that began before the queue existed, and those of an operator.
  is_asynchronous = true

  variables = {
    EVENTS_TABLE    = local.names.tables["events"]
    EVENTS_TTL_DAYS = tostring(var.events_table_ttl_days)
    DLQ_QUEUE_URL   = local.names.queue_urls["event-sink-dlq"]
  }

  statements = [
    {
      Sid      = "Events"
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem"]
      Resource = local.names.table_arns["events"]
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
    maximum_concurrency = max(2, local.concurrency == -1 ? 10 : local.concurrency)
  }
}

resource "aws_cloudwatch_event_rule" "all" {
  name           = local.names.rules["event-sink"]
  description    = "Every event of Interlock's."
  event_bus_name = coalesce(var.event_bus, local.names.event_bus)
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

  prefix          = local.names.prefix
  rule_name       = local.names.rules["infra-alarm-events"]
  target_arn      = local.queue_arn
  dead_letter_arn = local.dlq_arn
  tags            = var.tags
}

module "rule_alarm" {
  source = "../../modules/rule-alarm"

  name            = module.function.name
  rules           = { (aws_cloudwatch_event_rule.all.name) = aws_cloudwatch_event_rule.all.event_bus_name, (module.alarm_events.rule_name) = "default" }
  alarm_threshold = local.thresholds.rule_failures
  alarm_actions   = local.alarm_actions
  tags            = var.tags
}
