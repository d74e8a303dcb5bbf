# The queues that belong to no single function, and their dead-letter queues.

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
