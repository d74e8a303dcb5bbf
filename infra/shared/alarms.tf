# The alarms of the alert queue and of the SLA timers.

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
