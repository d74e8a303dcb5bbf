# The way of an alert: the rule of the bus, the alert queue, and the probe for alerts that wait.

resource "aws_lambda_event_source_mapping" "alerts" {
  function_name           = module.function.arn
  event_source_arn        = local.alerts_queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  # The queue limits itself: messages that find no free function would otherwise count as received, and end as dead letters.
  # One invocation is left for the probe.
  scaling_config {
    maximum_concurrency = max(2, local.concurrency == -1 ? 10 : local.concurrency - 1)
  }
}

# Alerts that Slack did not take wait as rows. Each minute the function looks whether any wait, and then for Slack.
resource "aws_cloudwatch_event_rule" "probe" {
  name                = local.names.rules["alert-probe"]
  description         = "Posts the alerts that wait for Slack."
  schedule_expression = "rate(1 minute)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "probe" {
  rule      = aws_cloudwatch_event_rule.probe.name
  target_id = "interlock"
  arn       = module.function.arn
  input     = jsonencode({ probe = true })

  dead_letter_config {
    arn = local.alert_dlq_arn
  }
}

resource "aws_lambda_permission" "probe" {
  statement_id  = "events-alert-probe"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.probe.arn
}

# Made from the event catalogue of interlock-lifecycle (docs/generate.py).
locals {
  catalogue = jsondecode(file("${path.module}/events.json"))
}

resource "aws_cloudwatch_event_rule" "alerts" {
  name           = local.names.rules["alerts"]
  description    = "Everything but plain progress, and the canaries of the watchdog."
  event_bus_name = coalesce(var.event_bus, local.names.event_bus)
  event_pattern = jsonencode({
    source      = concat(["interlock"], var.enable_canary ? [local.catalogue.canary_source] : [])
    detail-type = [{ "anything-but" = local.catalogue.progress }]
  })
  tags = var.tags

  # A function of an earlier version would dead-letter a canary.
  depends_on = [module.function]
}

resource "aws_cloudwatch_event_target" "alerts" {
  rule           = aws_cloudwatch_event_rule.alerts.name
  target_id      = "interlock"
  event_bus_name = aws_cloudwatch_event_rule.alerts.event_bus_name
  arn            = local.alerts_queue_arn

  dead_letter_config {
    arn = local.alert_dlq_arn
  }
}
