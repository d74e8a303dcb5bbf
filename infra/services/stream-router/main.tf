# The stream-router: from the streams of control and joblog to executions and events.

locals {
  # Without streams from the caller they are looked up, so that this service can be deployed on its own.
  stream_arns = var.stream_arns != null ? var.stream_arns : {
    control = data.aws_dynamodb_table.streamed["control"].stream_arn
    joblog  = data.aws_dynamodb_table.streamed["joblog"].stream_arn
  }
  dlq_arns = var.stream_dlq_arns != null ? var.stream_dlq_arns : {
    control = local.names.queue_arns["sr-control-dlq"]
    joblog  = local.names.queue_arns["sr-joblog-dlq"]
  }

  inbox_arns = var.sensor_inbox_arns != null ? var.sensor_inbox_arns : {
    inbox = local.names.queue_arns["sensor-inbox"]
    dlq   = local.names.queue_arns["sensor-inbox-dlq"]
  }
  inbox_statements = [
    {
      Sid      = "SensorInbox"
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = local.inbox_arns.inbox
    },
    {
      Sid      = "SensorInboxLetters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = local.inbox_arns.dlq
    },
  ]

  # Filters leave out known uninteresting rows. The router judges all other rows. Interlock marks its own notes (markers,
  # cursors, kept rows) as quiet. A deleted row has no new image. It matters only if it is a CONFIG (of a pipeline or a
  # calendar) or a sensor row, which may have hidden another row.
  filters = {
    control = [
      { dynamodb = { NewImage = { PK = { S = [{ exists = true }] }, quiet = { S = [{ exists = false }] } } } },
      { dynamodb = { Keys = { SK = { S = ["CONFIG"] } } } },
      { dynamodb = { Keys = { SK = { S = [{ prefix = "SENSOR#" }] } }, NewImage = { PK = { S = [{ exists = false }] } } } },
    ]
    # Interlock wrote the rows with a runToken. Their events are committed already.
    joblog = [
      { dynamodb = { NewImage = { PK = { S = [{ exists = true }] }, runToken = { S = [{ exists = false }] } } } },
    ]
  }
}

data "aws_dynamodb_table" "streamed" {
  for_each = var.stream_arns != null ? toset([]) : toset(["control", "joblog"])

  name = local.names.tables[each.key]
}

module "function" {
  source = "../../modules/lambda-function"

  deployment    = module.deployment
  service       = "stream-router"
  description   = "Interlock: starts executions and relays events from committed rows."
  letter_bucket = var.letter_bucket

  variables = merge(local.names.table_variables, {
    STATE_MACHINE_ARN   = local.names.state_machine_arn
    DLQ_QUEUE_URL       = local.names.queue_urls["sr-control-dlq"]
    SFN_TIMEOUT_SECONDS = tostring(var.sfn_timeout_seconds)
    }, var.enable_sensor_inbox ? {
    SENSOR_INBOX_DLQ_URL = local.names.queue_urls["sensor-inbox-dlq"]
    } : {}, var.enable_job_events ? {
    JOB_EVENTS_QUEUE_ARN = local.names.queue_arns["job-events"]
  } : {})

  statements = concat(
    local.names.statements.control,
    local.names.statements.append_logs,
    local.names.statements.bus,
    [for statement in local.names.statements.executions : statement if statement.Sid == "StartExecutions"],
    local.names.statements.wakes,
    [
      {
        Sid      = "Streams"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        Resource = [for table in ["control", "joblog"] : "${local.names.table_arns[table]}/stream/*"]
      },
      {
        # AWS knows no resource for this action.
        Sid      = "ListStreams"
        Effect   = "Allow"
        Action   = ["dynamodb:ListStreams"]
        Resource = "*"
      },
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [local.names.queue_arns["sr-control-dlq"], local.names.queue_arns["sr-joblog-dlq"]]
      },
    ],
    [for statement in local.inbox_statements : statement if var.enable_sensor_inbox],
    [for statement in local.job_statements : statement if var.enable_job_events],
  )
}

resource "aws_lambda_event_source_mapping" "streams" {
  for_each = local.filters

  function_name                  = module.function.target_arn
  event_source_arn               = local.stream_arns[each.key]
  starting_position              = "TRIM_HORIZON"
  batch_size                     = 10
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 10
  function_response_types        = ["ReportBatchItemFailures"]
  tags                           = var.tags

  filter_criteria {
    dynamic "filter" {
      for_each = each.value
      content {
        pattern = jsonencode(filter.value)
      }
    }
  }

  destination_config {
    on_failure {
      destination_arn = local.dlq_arns[each.key]
    }
  }
}

resource "aws_lambda_event_source_mapping" "sensor_inbox" {
  count = var.enable_sensor_inbox ? 1 : 0

  function_name           = module.function.target_arn
  event_source_arn        = local.inbox_arns.inbox
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  # The inbox leaves most invocations to the streams.
  scaling_config {
    maximum_concurrency = 2
  }
}

resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  alarm_name          = "${module.function.name}-iterator-age"
  alarm_description   = "Records wait in a stream: sensors are seen late."
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = module.function.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.thresholds.stream_age_seconds * 1000
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}
