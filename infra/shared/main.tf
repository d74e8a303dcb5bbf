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

module "control" {
  source = "../modules/dynamodb-table"

  name   = local.names.tables["control"]
  stream = true
  indexes = [
    { name = "GSI1", hash_key = "GSI1PK", range_key = "GSI1SK" },
    {
      name      = "GSI2"
      hash_key  = "GSI2PK"
      range_key = "GSI2SK"
      include   = ["status", "attempt", "reason", "committedAt", "closedAt", "absolute", "relative", "markedAt"]
    },
  ]
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "joblog" {
  source = "../modules/dynamodb-table"

  name                = local.names.tables["joblog"]
  stream              = true
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "rerun" {
  source = "../modules/dynamodb-table"

  name                = local.names.tables["rerun"]
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "events" {
  source = "../modules/dynamodb-table"

  name                = local.names.tables["events"]
  indexes             = [{ name = "GSI1", hash_key = "eventType", range_key = "timestamp", range_type = "N" }]
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

resource "aws_cloudwatch_event_bus" "this" {
  name               = local.names.event_bus
  kms_key_identifier = local.kms_key_arn
  tags               = var.tags
}

# An Allow statement would restrict no principal inside the account, so all other principals are denied.
resource "aws_cloudwatch_event_bus_policy" "this" {
  event_bus_name = aws_cloudwatch_event_bus.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyInterlockPutsEvents"
      Effect    = "Deny"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = local.names.event_bus_arn
      Condition = {
        ArnNotEquals = {
          "aws:PrincipalArn" = [local.names.role_arns["stream-router"], local.names.role_arns["watchdog"]]
        }
      }
    }]
  })
}

# Every event of the bus on its way to the events table: a burst becomes few invocations, and a busy sink loses nothing.
module "event_sink" {
  source = "../modules/queue"

  name = local.names.queues["event-sink"]
  arn  = local.names.queue_arns["event-sink"]
  # Six times the timeout of the event-sink, and the batching window.
  visibility_timeout_seconds = 6 * local.timeouts["event-sink"] + 2
  # A day of receives: an events table that is away for hours makes no dead letters.
  dead_letter = { queue_arn = module.event_sink_dlq.arn, max_receives = 240 }
  rule_arns   = [local.names.rule_arns["event-sink"], local.names.rule_arns["infra-alarm-events"]]
  alarm       = false
  kms_key_arn = local.kms_key_arn
  tags        = var.tags
}

module "event_sink_dlq" {
  source = "../modules/queue"

  name            = local.names.queues["event-sink-dlq"]
  arn             = local.names.queue_arns["event-sink-dlq"]
  rule_arns       = [local.names.rule_arns["event-sink"], local.names.rule_arns["infra-alarm-events"]]
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

module "alerts" {
  source = "../modules/queue"

  name = local.names.queues["alerts"]
  arn  = local.names.queue_arns["alerts"]
  # Six times the timeout of the alert-dispatcher.
  visibility_timeout_seconds = 6 * local.timeouts["alert-dispatcher"]
  dead_letter                = { queue_arn = module.alert_dlq.arn, max_receives = 10 }
  rule_arns                  = [local.names.rule_arns["alerts"], local.names.rule_arns["infra-alarm-alerts"]]
  alarm                      = false
  kms_key_arn                = local.kms_key_arn
  tags                       = var.tags
}

resource "aws_cloudwatch_metric_alarm" "alerts_age" {
  alarm_name          = "${local.names.queues["alerts"]}-age"
  alarm_description   = "An alert has waited in the queue for more than ${local.thresholds.alert_age_seconds} seconds: the alert-dispatcher does not read it."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = local.names.queues["alerts"] }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.thresholds.alert_age_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}

module "alert_dlq" {
  source = "../modules/queue"

  name            = local.names.queues["alert-dlq"]
  arn             = local.names.queue_arns["alert-dlq"]
  rule_arns       = [for rule in ["alerts", "infra-alarm-alerts", "alert-probe"] : local.names.rule_arns[rule]]
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

# The stream mappings report batches that failed for good here: shard and sequence numbers, not the records. The router's
# own dead letters hold the whole record. They go to the queue of the control stream.
module "control_dlq" {
  source = "../modules/queue"

  name            = local.names.queues["sr-control-dlq"]
  arn             = local.names.queue_arns["sr-control-dlq"]
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

module "joblog_dlq" {
  source = "../modules/queue"

  name            = local.names.queues["sr-joblog-dlq"]
  arn             = local.names.queue_arns["sr-joblog-dlq"]
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

# Whole asynchronous events whose function failed every time or could not be invoked, and SLA timers that could not fire.
module "async_dlq" {
  count  = !contains(keys(var.queue_arns), "async-dlq") ? 1 : 0
  source = "../modules/queue"

  name = local.names.queues["async-dlq"]
  arn  = local.names.queue_arns["async-dlq"]
  # Rules of an event-sink that is not upgraded yet still send here.
  rule_arns = [
    for rule in ["event-sink", "infra-alarm-events", "watchdog", "execution-status"] : local.names.rule_arns[rule]
  ]
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

# Readings of sensors from writers that may not write the control table: a config in that table is a command that runs.
module "sensor_inbox" {
  count  = var.enable_sensor_inbox ? 1 : 0
  source = "../modules/queue"

  name = local.names.queues["sensor-inbox"]
  arn  = local.names.queue_arns["sensor-inbox"]
  # Twice the timeout of the stream-router: a returned reading holds back its sensor for this long.
  visibility_timeout_seconds = 2 * local.timeouts["stream-router"]
  # A day of receives: a control table that is away for hours makes no dead letters.
  dead_letter = { queue_arn = module.sensor_inbox_dlq[0].arn, max_receives = 720 }
  alarm       = false
  kms_key_arn = local.kms_key_arn
  tags        = var.tags
}

module "sensor_inbox_dlq" {
  count  = var.enable_sensor_inbox ? 1 : 0
  source = "../modules/queue"

  name            = local.names.queues["sensor-inbox-dlq"]
  arn             = local.names.queue_arns["sensor-inbox-dlq"]
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

resource "aws_scheduler_schedule_group" "timers" {
  name = local.names.scheduler_group
  tags = var.tags
}

# An SLA timer that cannot invoke the SLA monitor fires late, or never after all retries.
resource "aws_cloudwatch_metric_alarm" "timer_failures" {
  alarm_name          = "${local.names.scheduler_group}-timer-failures"
  alarm_description   = "SLA timers could not invoke the SLA monitor, or were given up. The watchdog judges their clocks later."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.thresholds.timer_failures
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "failures"
    label       = "Failed timers"
    expression  = "FILL(errors, 0) + FILL(dropped, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "TargetErrorCount", dropped = "InvocationDroppedCount" }
    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Scheduler"
        metric_name = metric_query.value
        dimensions  = { ScheduleGroup = local.names.scheduler_group }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

locals {
  own_scheduler_role = contains(keys(var.role_arns), "scheduler")
  scheduler_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Fire"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = local.names.function_arns["sla-monitor"]
        },
        {
          Sid      = "DeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = local.names.queue_arns["async-dlq"]
        },
      ],
      local.kms_key_arn == null ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.kms_key_arn
      }],
    )
  })
}

resource "aws_iam_role" "scheduler" {
  count = local.own_scheduler_role ? 0 : 1

  name                 = "${local.names.prefix}-scheduler"
  path                 = var.iam_path
  description          = "Role of the SLA timers, which invoke the SLA monitor."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.names.account_id
          "aws:SourceArn"     = local.names.scheduler_group_arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  count = local.own_scheduler_role ? 0 : 1

  name   = "interlock"
  role   = aws_iam_role.scheduler[0].name
  policy = local.scheduler_policy
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
