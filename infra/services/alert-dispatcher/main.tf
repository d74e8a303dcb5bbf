# The alert-dispatcher: it sends alerts and our alarms to Slack, SNS topics and webhooks. They come through the alert queue.

locals {
  concurrency       = module.deployment.functions["alert-dispatcher"].reserved_concurrency
  alerts_queue_arn  = coalesce(var.alerts_queue_arn, local.names.queue_arns["alerts"])
  alert_dlq_arn     = coalesce(var.alert_dlq_arn, local.names.queue_arns["alert-dlq"])
  slack_secret_arn  = var.slack_secret_arn == "" ? null : var.slack_secret_arn
  has_slack_token   = nonsensitive(var.slack_bot_token != null && var.slack_bot_token != "")
  has_slack_channel = var.slack_channel_id != null && var.slack_channel_id != ""

  # With a secret, the token is not used, and the function does not get it.
  slack_variables = merge(
    { SLACK_CHANNEL_ID = local.has_slack_channel ? var.slack_channel_id : "none" },
    local.slack_secret_arn == null ? {} : { SLACK_SECRET_ARN = local.slack_secret_arn },
    local.slack_secret_arn == null && local.has_slack_token ? { SLACK_BOT_TOKEN = var.slack_bot_token } : {},
  )
}

module "function" {
  source = "../../modules/lambda-function"

  deployment    = module.deployment
  service       = "alert-dispatcher"
  description   = "Interlock: brings alerts to Slack, SNS topics and webhooks."
  letter_bucket = var.letter_bucket

  variables = merge(local.slack_variables, length(var.webhook_allowed_hosts) == 0 ? {} : {
    INTERLOCK_TRIGGER_ALLOWED_HOSTS = join(",", var.webhook_allowed_hosts)
    }, {
    ALERT_QUIET     = tostring(var.alert_quiet)
    EVENTS_TABLE    = local.names.tables["events"]
    EVENTS_TTL_DAYS = tostring(var.events_table_ttl_days)
    DLQ_QUEUE_URL   = local.names.queue_urls["alert-dlq"]
  })

  statements = concat(
    [
      {
        Sid      = "Threads"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = local.names.table_arns["events"]
      },
      {
        Sid      = "Digest"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = "${local.names.table_arns["events"]}/index/GSI1"
      },
      {
        Sid      = "Alerts"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = local.alerts_queue_arn
      },
      {
        Sid      = "Letters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = local.alert_dlq_arn
      },
    ],
    local.slack_secret_arn == null ? [] : [{
      Sid      = "SlackToken"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = local.slack_secret_arn
    }],
    length(var.alert_topic_arns) == 0 ? [] : [{
      Sid      = "Topics"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = var.alert_topic_arns
    }],
    length(var.alert_topic_key_arns) == 0 ? [] : [{
      Sid      = "TopicKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.alert_topic_key_arns
    }],
    length(var.alert_secret_arns) == 0 ? [] : [{
      Sid      = "WebhookKeys"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = var.alert_secret_arns
    }],
    length(var.alert_secret_key_arns) == 0 ? [] : [{
      Sid      = "SecretKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = var.alert_secret_key_arns
    }],
  )
}

check "slack_bot_token" {
  assert {
    condition     = !local.has_slack_token
    error_message = "slack_bot_token is deprecated: it ends up in the state and in the function's variables. Put the token into Secrets Manager and set slack_secret_arn."
  }
}

resource "terraform_data" "slack" {
  lifecycle {
    precondition {
      condition     = local.has_slack_channel || !(local.slack_secret_arn != null || local.has_slack_token)
      error_message = "slack_channel_id must be set when slack_secret_arn or slack_bot_token is."
    }
  }
}
