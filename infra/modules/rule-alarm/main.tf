# The alarm on events that EventBridge could not deliver to the targets of some rules, after all its retries.

locals {
  # A rule of an own bus counts under its name and that of the bus, and a rule of the default bus under its name alone.
  failures = [for rule, bus in var.rules : merge({ RuleName = rule }, bus == "default" ? {} : { EventBusName = bus })]
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  alarm_name          = "${var.name}-rule-failures"
  alarm_description   = "EventBridge could not deliver events for ${var.name}: the target of a rule rejects them or is gone. They are in its dead-letter queue."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "failures"
    label       = "Failed invocations"
    expression  = join(" + ", [for number, dimensions in local.failures : "FILL(rule${number}, 0)"])
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.failures
    content {
      id = "rule${metric_query.key}"

      metric {
        namespace   = "AWS/Events"
        metric_name = "FailedInvocations"
        dimensions  = metric_query.value
        stat        = "Sum"
        period      = 300
      }
    }
  }
}
