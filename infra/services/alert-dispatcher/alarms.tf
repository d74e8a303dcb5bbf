# The alarms about alerts, and the events of our alarms.

# Slack cannot show alerts that wait for it, so the alarm goes to the topic. The function logs their number once a minute while any wait.
resource "aws_cloudwatch_log_metric_filter" "waiting" {
  name           = "${module.function.name}-waiting"
  log_group_name = module.function.log_group_name
  pattern        = "{ $.event = \"alerts_pending\" }"

  metric_transformation {
    name      = "${module.function.name}-waiting"
    namespace = "Interlock"
    value     = "$.waiting"
  }
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${module.function.name}-waiting"
  alarm_description   = "Alerts have waited for 15 minutes: Slack, a topic or a webhook is away, or its settings are wrong."
  namespace           = "Interlock"
  metric_name         = "${module.function.name}-waiting"
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}

# Every five minutes the function checks token, scopes and channel, before an alert finds that they are wrong.
resource "aws_cloudwatch_log_metric_filter" "unusable" {
  name           = "${module.function.name}-unusable"
  log_group_name = module.function.log_group_name
  pattern        = "{ $.event = \"slack_unusable\" }"

  metric_transformation {
    name      = "${module.function.name}-unusable"
    namespace = "Interlock"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "unusable" {
  alarm_name          = "${module.function.name}-unusable"
  alarm_description   = "Slack rejects the token, a scope or a channel, or alerts.yaml cannot be used. The log line slack_unusable has the reason."
  namespace           = "Interlock"
  metric_name         = "${module.function.name}-unusable"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}

# Faults of alerts that no metric of AWS shows. The function names each in a log line.
locals {
  faults = {
    dead-lettered = {
      event       = "alert_dead_lettered"
      description = "A target rejected an alert for good, and it is a dead letter in alert-dlq. The log line alert_dead_lettered has the reason."
      periods     = 1
    }
    # The digest is tried once a minute, so a short outage of its target is no fault.
    digest-waits = {
      event       = "digest_waits"
      description = "The digest has waited for its target for 15 minutes. The log line digest_waits has the reason."
      periods     = 3
    }
    silence-unreadable = {
      event       = "silence_unreadable"
      description = "A silence cannot be read and has no effect. The log line silence_unreadable names its row. End it with interlock silence end."
      periods     = 1
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "fault" {
  for_each = local.faults

  name           = "${module.function.name}-${each.key}"
  log_group_name = module.function.log_group_name
  pattern        = "{ $.event = \"${each.value.event}\" }"

  metric_transformation {
    name      = "${module.function.name}-${each.key}"
    namespace = "Interlock"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "fault" {
  for_each = local.faults

  alarm_name          = "${module.function.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "Interlock"
  metric_name         = "${module.function.name}-${each.key}"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}

# Each completed tick of the watchdog sends a canary through the bus, the queue and Slack. The function logs its latency in seconds.
resource "aws_cloudwatch_log_metric_filter" "canary" {
  count = var.enable_canary ? 1 : 0

  name           = "${local.names.prefix}-canary-latency"
  log_group_name = module.function.log_group_name
  pattern        = "{ $.event = \"canary_arrived\" }"

  metric_transformation {
    name      = "${local.names.prefix}-canary-latency"
    namespace = "Interlock"
    value     = "$.latency"
    unit      = "Seconds"
  }
}

locals {
  # The window of the alarm: three intervals of the watchdog. Without its interval, a cron expression gets an hour.
  rate          = one(regexall("^rate\\(([0-9]+) (minute|hour|day)s?\\)$", var.watchdog_schedule))
  scheduled     = local.rate == null ? 1200 : tonumber(local.rate[0]) * { minute = 60, hour = 3600, day = 86400 }[local.rate[1]]
  interval      = var.watchdog_interval_seconds == null ? local.scheduled : ceil(coalesce(var.watchdog_interval_seconds, 60) / 60) * 60
  canary_window = min(3 * local.interval, 604800) # CloudWatch looks back at most a week.
}

# A canary that does not arrive has no data point. CloudWatch would look for one in older periods before it counts as missing.
# FILL gives an empty window the latency of the whole window, so that the alarm goes off at its end.
resource "aws_cloudwatch_metric_alarm" "canary" {
  count = var.enable_canary ? 1 : 0

  alarm_name          = "${local.names.prefix}-canary-late"
  alarm_description   = "No canary of the watchdog arrived for three ticks, or one took more than a minute through bus, queue and Slack. Alerts may be late or lost."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.thresholds.canary_seconds
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "late"
    label       = "Latency of the canary"
    expression  = "FILL(latency, ${local.canary_window})"
    return_data = true
  }

  metric_query {
    id = "latency"

    metric {
      namespace   = "Interlock"
      metric_name = "${local.names.prefix}-canary-latency"
      stat        = "Maximum"
      period      = local.canary_window
    }
  }
}

module "alarm_events" {
  source = "../../modules/alarm-events"

  prefix          = local.names.prefix
  rule_name       = local.names.rules["infra-alarm-alerts"]
  target_arn      = local.alerts_queue_arn
  dead_letter_arn = local.alert_dlq_arn
  tags            = var.tags
}

module "rule_alarm" {
  source = "../../modules/rule-alarm"

  name = module.function.name
  rules = {
    (aws_cloudwatch_event_rule.alerts.name) = aws_cloudwatch_event_rule.alerts.event_bus_name
    (aws_cloudwatch_event_rule.probe.name)  = "default"
    (module.alarm_events.rule_name)         = "default"
  }
  alarm_threshold = local.thresholds.rule_failures
  alarm_actions   = local.alarm_actions
  tags            = var.tags
}
