# The shared resources of all services: the tables, the bus, the group of the SLA timers, and the queues that belong to no
# single function.

locals {
  kms_key_arn   = var.kms_key_arn == "" ? null : var.kms_key_arn
  alarm_actions = compact([var.sns_alarm_topic_arn])
}

module "names" {
  source = "../modules/names"

  environment = var.environment
}

module "control" {
  source = "../modules/dynamodb-table"

  name   = module.names.tables["control"]
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
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "joblog" {
  source = "../modules/dynamodb-table"

  name                = module.names.tables["joblog"]
  stream              = true
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "rerun" {
  source = "../modules/dynamodb-table"

  name                = module.names.tables["rerun"]
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "events" {
  source = "../modules/dynamodb-table"

  name                = module.names.tables["events"]
  indexes             = [{ name = "GSI1", hash_key = "eventType", range_key = "timestamp", range_type = "N" }]
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

resource "aws_cloudwatch_event_bus" "this" {
  name               = module.names.event_bus
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
      Resource  = module.names.event_bus_arn
      Condition = {
        ArnNotEquals = {
          "aws:PrincipalArn" = [module.names.role_arns["stream-router"], module.names.role_arns["watchdog"]]
        }
      }
    }]
  })
}

# Every event of the bus on its way to the events table: a burst becomes few invocations, and a busy sink loses nothing.
module "event_sink" {
  source = "../modules/queue"

  name = module.names.queues["event-sink"]
  arn  = module.names.queue_arns["event-sink"]
  # Six times the timeout of the event-sink, and the batching window.
  visibility_timeout_seconds = 362
  # A day of receives: an events table that is away for hours makes no dead letters.
  dead_letter = { queue_arn = module.event_sink_dlq.arn, max_receives = 240 }
  rule_arns   = [module.names.rule_arns["event-sink"], module.names.rule_arns["infra-alarm-events"]]
  alarm       = false
  kms_key_arn = local.kms_key_arn
  tags        = var.tags
}

module "event_sink_dlq" {
  source = "../modules/queue"

  name          = module.names.queues["event-sink-dlq"]
  arn           = module.names.queue_arns["event-sink-dlq"]
  rule_arns     = [module.names.rule_arns["event-sink"], module.names.rule_arns["infra-alarm-events"]]
  alarm_actions = local.alarm_actions
  kms_key_arn   = local.kms_key_arn
  tags          = var.tags
}

module "alerts" {
  source = "../modules/queue"

  name = module.names.queues["alerts"]
  arn  = module.names.queue_arns["alerts"]
  # Six times the timeout of the alert-dispatcher.
  visibility_timeout_seconds = 360
  dead_letter                = { queue_arn = module.alert_dlq.arn, max_receives = 10 }
  rule_arns                  = [module.names.rule_arns["alerts"], module.names.rule_arns["infra-alarm-alerts"]]
  alarm                      = false
  kms_key_arn                = local.kms_key_arn
  tags                       = var.tags
}

module "alert_dlq" {
  source = "../modules/queue"

  name          = module.names.queues["alert-dlq"]
  arn           = module.names.queue_arns["alert-dlq"]
  rule_arns     = [for rule in ["alerts", "infra-alarm-alerts", "alert-probe"] : module.names.rule_arns[rule]]
  alarm_actions = local.alarm_actions
  kms_key_arn   = local.kms_key_arn
  tags          = var.tags
}

# The stream mappings report batches that failed for good here: shard and sequence numbers, not the records. The router's
# own dead letters hold the whole record. They go to the queue of the control stream.
module "control_dlq" {
  source = "../modules/queue"

  name          = module.names.queues["sr-control-dlq"]
  arn           = module.names.queue_arns["sr-control-dlq"]
  alarm_actions = local.alarm_actions
  kms_key_arn   = local.kms_key_arn
  tags          = var.tags
}

module "joblog_dlq" {
  source = "../modules/queue"

  name          = module.names.queues["sr-joblog-dlq"]
  arn           = module.names.queue_arns["sr-joblog-dlq"]
  alarm_actions = local.alarm_actions
  kms_key_arn   = local.kms_key_arn
  tags          = var.tags
}

# Whole asynchronous events whose function failed every time or could not be invoked, and SLA timers that could not fire.
module "async_dlq" {
  source = "../modules/queue"

  name = module.names.queues["async-dlq"]
  arn  = module.names.queue_arns["async-dlq"]
  # Rules of an event-sink that is not upgraded yet still send here.
  rule_arns = [
    for rule in ["event-sink", "infra-alarm-events", "watchdog", "execution-status"] : module.names.rule_arns[rule]
  ]
  alarm_actions = local.alarm_actions
  kms_key_arn   = local.kms_key_arn
  tags          = var.tags
}

# Readings of sensors from writers that may not write the control table: a config in that table is a command that runs.
module "sensor_inbox" {
  count  = var.enable_sensor_inbox ? 1 : 0
  source = "../modules/queue"

  name = module.names.queues["sensor-inbox"]
  arn  = module.names.queue_arns["sensor-inbox"]
  # Twice the timeout of the stream-router: a returned reading holds back its sensor for this long.
  visibility_timeout_seconds = 120
  # A day of receives: a control table that is away for hours makes no dead letters.
  dead_letter = { queue_arn = module.sensor_inbox_dlq[0].arn, max_receives = 720 }
  alarm       = false
  kms_key_arn = local.kms_key_arn
  tags        = var.tags
}

module "sensor_inbox_dlq" {
  count  = var.enable_sensor_inbox ? 1 : 0
  source = "../modules/queue"

  name          = module.names.queues["sensor-inbox-dlq"]
  arn           = module.names.queue_arns["sensor-inbox-dlq"]
  alarm_actions = local.alarm_actions
  kms_key_arn   = local.kms_key_arn
  tags          = var.tags
}

resource "aws_scheduler_schedule_group" "timers" {
  name = module.names.scheduler_group
  tags = var.tags
}

resource "aws_iam_role" "scheduler" {
  name        = "${module.names.prefix}-scheduler"
  description = "Role of the SLA timers, which invoke the SLA monitor."
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = module.names.account_id
          "aws:SourceArn"     = module.names.scheduler_group_arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "interlock"
  role = aws_iam_role.scheduler.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Fire"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = module.names.function_arns["sla-monitor"]
        },
        {
          Sid      = "DeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = module.names.queue_arns["async-dlq"]
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
