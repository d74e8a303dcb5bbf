# The alarms of the function.

locals {
  alarms = {
    errors = {
      description = "${local.name} failed."
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = local.settings.error_threshold
      periods     = 1
    }
    # Each source invokes again, so a short burst is no fault.
    throttles = {
      description = "${local.name} was throttled for 15 minutes: its concurrency or that of the account is used up."
      metric      = "Throttles"
      statistic   = "Sum"
      threshold   = local.settings.throttle_threshold
      periods     = 3
    }
    duration = {
      description = "An invocation of ${local.name} took more than ${local.settings.duration_threshold_percent} % of its timeout."
      metric      = "Duration"
      statistic   = "Maximum"
      threshold   = local.settings.timeout_seconds * 10 * local.settings.duration_threshold_percent # ms
      periods     = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = local.name }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.deployment.alarm_actions
  ok_actions          = var.deployment.alarm_actions
  tags                = var.deployment.tags
}

moved {
  from = aws_cloudwatch_metric_alarm.errors
  to   = aws_cloudwatch_metric_alarm.this["errors"]
}
