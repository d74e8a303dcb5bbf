# A deployment as a platform team runs it: your key, alarms by mail, Slack, a sensor inbox for producers, managed policies,
# settings of single functions, jobs of several kinds in a private network, and metrics on the dashboard.
#
#   interlock build --out dist
#   terraform -chdir=infra/examples/complete init
#   terraform -chdir=infra/examples/complete apply -var dist_path="$PWD/dist" -var alarm_email=… -var slack_channel_id=… \
#     -var 'subnet_ids=["…"]' -var 'security_group_ids=["…"]' -var producer_role_name=…

data "aws_caller_identity" "current" {}

locals {
  environment = "example"
  account     = data.aws_caller_identity.current.account_id
}

module "interlock" {
  source = "../../stack"

  environment = local.environment
  dist_path   = var.dist_path
  tags        = { team = "data" }

  # Encryption, and roles within the rules of the account.
  kms_key_arn              = aws_kms_key.interlock.arn
  permissions_boundary_arn = var.permissions_boundary_arn
  iam_path                 = "/data/"

  # Alerts and alarms.
  slack_channel_id      = var.slack_channel_id
  slack_secret_arn      = aws_secretsmanager_secret.slack.arn
  alert_secret_key_arns = [aws_kms_key.interlock.arn]
  sns_alarm_topic_arn   = aws_sns_topic.alarms.arn
  alarm_thresholds      = { alert_age_seconds = 1800 }

  # Producers send readings to a queue, and people get the policies below.
  enable_sensor_inbox = true
  enable_policies     = true

  # Letters that are too large for a queue, and failed asynchronous events in a queue of your own.
  letter_bucket = aws_s3_bucket.letters.bucket
  queue_arns    = { async-dlq = aws_sqs_queue.failed.arn }

  # The dashboard shows the metrics that the functions write into their logs.
  environment_variables = { INTERLOCK_METRICS = "emf" }

  lambda_settings = {
    all = { log_retention_days = 90, tracing_mode = "Active" }
    orchestrator = {
      memory_size = 1024
      vpc         = { subnet_ids = var.subnet_ids, security_group_ids = var.security_group_ids }
    }
    stream-router = { reserved_concurrency = 20 }
  }

  # Jobs: two Glue jobs, all state machines of a team, and an Airflow in the private network.
  enable_glue_trigger = true
  glue_job_arns       = [for job in ["load-orders", "load-customers"] : "arn:aws:glue:${var.region}:${local.account}:job/${job}"]
  enable_sfn_trigger  = true
  sfn_trigger_arns    = ["arn:aws:states:${var.region}:${local.account}:stateMachine:orders-*"]
  allow_name_prefixes = true
  job_variables       = { INTERLOCK_TRIGGER_ALLOWED_HOSTS = "airflow.internal" }
  job_secret_arns     = [aws_secretsmanager_secret.airflow.arn]
  job_secret_key_arns = [aws_kms_key.interlock.arn]
}

# Only a producer of readings: it can send to the inbox and do nothing else.
resource "aws_iam_role_policy_attachment" "producer" {
  role       = var.producer_role_name
  policy_arn = module.interlock.policy_arns["inbox-sensor-writer"]
}
