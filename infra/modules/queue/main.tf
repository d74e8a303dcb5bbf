# One encrypted queue, which AWS services may fill only for the named resources and only over TLS.

resource "aws_sqs_queue" "this" {
  name                       = var.name
  message_retention_seconds  = var.retention_seconds
  visibility_timeout_seconds = var.visibility_timeout_seconds
  tags                       = var.tags

  # Order and limits count per message group, so that one sensor never waits for another.
  fifo_queue            = endswith(var.name, ".fifo") ? true : null
  deduplication_scope   = endswith(var.name, ".fifo") ? "messageGroup" : null
  fifo_throughput_limit = endswith(var.name, ".fifo") ? "perMessageGroupId" : null

  # EventBridge cannot deliver to a queue under the aws/sqs default key, so it is SQS's own encryption or your key.
  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn

  redrive_policy = var.dead_letter == null ? null : jsonencode({
    deadLetterTargetArn = var.dead_letter.queue_arn
    maxReceiveCount     = var.dead_letter.max_receives
  })
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyWithTls"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = var.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      length(var.rule_arns) == 0 ? [] : [{
        Sid       = "FromRules"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = var.arn
        Condition = { ArnEquals = { "aws:SourceArn" = var.rule_arns } }
      }],
    )
  })
}

resource "aws_cloudwatch_metric_alarm" "depth" {
  count = var.alarm ? 1 : 0

  alarm_name          = "${var.name}-depth"
  alarm_description   = coalesce(var.alarm_description, "Messages wait in ${var.name}: a record could not be processed. List them with: interlock dlq list")
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
