# A Lambda that writes a sensor row for each object that arrives in a bucket: examples/s3_arrivals. The bucket must send its events
# to EventBridge, which is a setting of the bucket. An event that fails for good is kept in a queue with an alarm, which
# infra/modules/queue makes.
#
#   uv pip install --no-deps --target dist/s3-arrivals interlock-sensors
#   cp examples/s3_arrivals/handler.py dist/s3-arrivals
#   (cd dist/s3-arrivals && python -m zipfile -c ../s3-arrivals.zip handler.py interlock_sensors)
#   terraform -chdir=infra/examples/s3-arrivals init
#   terraform -chdir=infra/examples/s3-arrivals apply -var zip_path="$PWD/dist/s3-arrivals.zip" \
#     -var environment=prod -var pipeline=bronze-orders -var bucket=incoming-files -var key_prefix=orders/

locals {
  name      = "${var.environment}-s3-arrivals-${replace(var.pipeline, ".", "-")}"
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  table_arn = "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${var.environment}-interlock-control"
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

resource "aws_cloudwatch_event_rule" "created" {
  name        = local.name
  description = "New objects for the sensors of ${var.pipeline}."
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket] }
      object = { key = [{ prefix = var.key_prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "created" {
  rule      = aws_cloudwatch_event_rule.created.name
  target_id = "s3-arrivals"
  arn       = aws_lambda_function.this.arn

  dead_letter_config {
    arn = module.dead_letters.arn
  }
}

resource "aws_lambda_permission" "created" {
  statement_id  = "events"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.created.arn
}

resource "aws_lambda_function" "this" {
  function_name    = local.name
  description      = "Interlock: writes a sensor row of ${var.pipeline} for each new object of ${var.bucket}."
  role             = aws_iam_role.this.arn
  handler          = "handler.handle"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  filename         = var.zip_path
  source_code_hash = try(filebase64sha256(var.zip_path), null)
  memory_size      = 256
  timeout          = 90 # six requests of 10 seconds, with their waits

  environment {
    variables = {
      ENVIRONMENT = var.environment
      PIPELINE    = var.pipeline
      SENSOR_KEY  = var.sensor_key
      KEY_PATTERN = var.key_pattern
    }
  }

  dead_letter_config {
    target_arn = module.dead_letters.arn
  }

  lifecycle {
    precondition {
      condition     = length(local.name) <= 64
      error_message = "The function's name ${local.name} has ${length(local.name)} characters, and AWS allows 64. Shorten environment or pipeline."
    }
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = 30
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
  name = "s3-arrivals"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PutSensors"
        Effect   = "Allow"
        Action   = ["dynamodb:PutItem"]
        Resource = local.table_arn
        Condition = {
          "ForAllValues:StringEquals" = {
            "dynamodb:LeadingKeys" = ["PIPELINE#${var.pipeline}"]
            "dynamodb:Attributes"  = ["PK", "SK", "data", "ttl"]
          }
        }
      },
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
    ]
  })
}

# Events of objects whose key has no date, and events that found no table, with an alarm.
module "dead_letters" {
  source = "../../modules/queue"

  name              = "${local.name}-dlq"
  arn               = "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.name}-dlq"
  rule_arns         = [aws_cloudwatch_event_rule.created.arn]
  alarm_description = "Objects of ${var.bucket} have no sensor row of ${var.pipeline}. The messages of ${local.name}-dlq name them."
  alarm_actions     = var.alarm_topic_arns
}
