# The resources around Interlock: the topic of the alarms, secrets, a bucket and a queue.

resource "aws_sns_topic" "alarms" {
  name              = "${local.environment}-interlock-alarms"
  kms_master_key_id = aws_kms_key.interlock.arn
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

# Write the values with the AWS CLI, so that no state has them.
resource "aws_secretsmanager_secret" "slack" {
  name       = "${local.environment}-interlock-slack"
  kms_key_id = aws_kms_key.interlock.arn
}

resource "aws_secretsmanager_secret" "airflow" {
  name       = "${local.environment}-interlock-airflow"
  kms_key_id = aws_kms_key.interlock.arn
}

resource "aws_s3_bucket" "letters" {
  bucket = "${local.environment}-interlock-letters-${local.account}"
}

resource "aws_s3_bucket_public_access_block" "letters" {
  bucket                  = aws_s3_bucket.letters.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "letters" {
  bucket = aws_s3_bucket.letters.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.interlock.arn
    }
  }
}

# A letter in the queue lives for two weeks, so its content need not live longer.
resource "aws_s3_bucket_lifecycle_configuration" "letters" {
  bucket = aws_s3_bucket.letters.id

  rule {
    id     = "letters"
    status = "Enabled"

    filter {}

    expiration {
      days = 15
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_sqs_queue" "failed" {
  name                      = "${local.environment}-failed-events"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# Ticks that could not invoke the watchdog come from its rules.
resource "aws_sqs_queue_policy" "failed" {
  queue_url = aws_sqs_queue.failed.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "FromRules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.failed.arn
      Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:events:${var.region}:${local.account}:rule/${local.environment}-interlock-*" } }
    }]
  })
}
