# One more target of the bus: a Lambda that posts the runs of Interlock to a server of OpenLineage. Its code is examples/openlineage.
#
#   python -m zipfile -c dist/openlineage.zip examples/openlineage/consumer.py examples/openlineage/lineage.py
#   terraform -chdir=infra/examples/openlineage init
#   terraform -chdir=infra/examples/openlineage apply -var zip_path="$PWD/dist/openlineage.zip" \
#     -var event_bus_name=prod-interlock -var openlineage_url=https://lineage.example.com

locals {
  name = "${var.environment}-interlock-openlineage"
  # Lambda keeps an event for six hours, and tries it three times.
  retries = 2
  statements = concat(
    [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.this.arn}:*"
      },
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = aws_sqs_queue.dead_letters.arn
      },
    ],
    var.openlineage_secret_arn == null ? [] : [{
      Sid      = "ApiKey"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = var.openlineage_secret_arn
    }],
  )
}

# The types are those of lineage.TYPES in examples/openlineage.
resource "aws_cloudwatch_event_rule" "this" {
  name           = local.name
  description    = "Events of Interlock that are runs of OpenLineage."
  event_bus_name = var.event_bus_name
  event_pattern = jsonencode({
    source = ["interlock"]
    "detail-type" = [
      "JOB_TRIGGERED",
      "VALIDATION_PASSED",
      "JOB_COMPLETED",
      "JOB_FAILED",
      "VALIDATION_EXHAUSTED",
    ]
  })
}

# Events that EventBridge cannot hand to the function go to the same queue as those that the function cannot post.
resource "aws_cloudwatch_event_target" "this" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = var.event_bus_name
  target_id      = "openlineage"
  arn            = aws_lambda_function.this.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_permission" "this" {
  statement_id  = "events-openlineage"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this.arn
}

resource "aws_iam_role" "this" {
  name        = local.name
  description = "Role of ${local.name}."
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "openlineage"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = 30
}

resource "aws_lambda_function" "this" {
  function_name    = local.name
  description      = "Posts the runs of Interlock to a server of OpenLineage."
  role             = aws_iam_role.this.arn
  handler          = "consumer.handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  filename         = var.zip_path
  source_code_hash = try(filebase64sha256(var.zip_path), null)
  memory_size      = 128
  # Three tries of at most ten seconds, with pauses of three seconds in all.
  timeout = 60

  environment {
    variables = merge(
      {
        OPENLINEAGE_URL       = var.openlineage_url
        OPENLINEAGE_NAMESPACE = var.openlineage_namespace
      },
      var.openlineage_secret_arn == null ? {} : { OPENLINEAGE_SECRET_ARN = var.openlineage_secret_arn },
    )
  }

  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = local.retries
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.name}-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyWithTls"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "FromTheRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${local.name}-dead-letters"
  alarm_description   = "Runs did not reach the server of OpenLineage. They wait in ${local.name}-dlq."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}
