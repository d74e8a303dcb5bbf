# One more target of the bus: a Lambda that posts the runs of Interlock to a server of OpenLineage. Its code is examples/openlineage.
# An event that fails for good is kept in a queue with an alarm, which infra/modules/queue makes.
#
#   mkdir -p dist
#   python -m zipfile -c dist/openlineage.zip examples/openlineage/consumer.py examples/openlineage/lineage.py
#   terraform -chdir=infra/examples/openlineage init
#   terraform -chdir=infra/examples/openlineage apply -var zip_path="$PWD/dist/openlineage.zip" \
#     -var environment=prod -var openlineage_url=https://lineage.example.com

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  name      = "${var.environment}-interlock-openlineage"
  bus       = coalesce(var.event_bus_name, "${var.environment}-interlock-bus")
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
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
        Resource = module.dead_letters.arn
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
  event_bus_name = local.bus
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
  event_bus_name = local.bus
  target_id      = "openlineage"
  arn            = aws_lambda_function.this.arn

  dead_letter_config {
    arn = module.dead_letters.arn
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
      destination = module.dead_letters.arn
    }
  }
}

# The events that were not posted, with an alarm.
module "dead_letters" {
  source = "../../modules/queue"

  name              = "${local.name}-dlq"
  arn               = "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.name}-dlq"
  rule_arns         = [aws_cloudwatch_event_rule.this.arn]
  alarm_description = "Runs did not reach the server of OpenLineage. They wait in ${local.name}-dlq."
  alarm_actions     = var.alarm_topic_arns
}
