# Converts our CloudWatch alarms to INFRA_ALARM events of the shape that every event of ours has. The target is a function or
# a queue: EventBridge transforms nothing on its way to another bus.

resource "aws_cloudwatch_event_rule" "this" {
  name        = var.rule_name
  description = "Our alarms, as INFRA_ALARM events."
  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    # Silence of the watchdog has no data. Its alarm says so with a change from OK to INSUFFICIENT_DATA.
    detail = {
      "$or" = [
        { alarmName = [{ prefix = "${var.prefix}-" }], state = { value = ["ALARM"] } },
        { alarmName = ["${var.prefix}-watchdog-silent"], state = { value = ["INSUFFICIENT_DATA"] }, previousState = { value = ["OK"] } },
      ]
    }
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "interlock"
  arn       = var.target_arn

  input_transformer {
    input_paths = {
      id     = "$.id"
      time   = "$.time"
      alarm  = "$.detail.alarmName"
      state  = "$.detail.state.value"
      reason = "$.detail.state.reason"
    }
    # A text instead of jsonencode, which would escape the angle brackets. A reason may hold quotes, so no quotes surround it.
    input_template = <<-JSON
      {
        "source": "interlock",
        "detail-type": "INFRA_ALARM",
        "id": <id>,
        "time": <time>,
        "detail": {
          "pipelineId": "INFRASTRUCTURE",
          "message": "<alarm> is in state <state>",
          "timestamp": <time>,
          "detail": {"alarm": <alarm>, "status": <state>, "reason": <reason>}
        }
      }
    JSON
  }

  dynamic "dead_letter_config" {
    for_each = var.dead_letter_arn == null ? [] : [var.dead_letter_arn]
    content {
      arn = dead_letter_config.value
    }
  }
}
