# The stack with everything on.
module "interlock" {
  source = "../../stack"

  environment    = "test"
  dist_path      = "${path.module}/../zips"
  pipelines_path = "${path.module}/../configs/pipelines"
  calendars_path = "${path.module}/../configs/calendars"

  tags                  = { team = "data" }
  kms_key_arn           = "arn:aws:kms:eu-west-1:000000000000:key/k"
  sns_alarm_topic_arn   = "arn:aws:sns:eu-west-1:000000000000:alarms"
  profile_bucket        = "profiles"
  letter_bucket         = "letters"
  environment_variables = { STAGE_TIMEOUT = "10s" }
  job_variables         = { INTERLOCK_STAGE = "test" }
  job_secret_arns       = ["arn:aws:secretsmanager:eu-west-1:000000000000:secret:jobs-a1b2c3"]
  job_secret_key_arns   = ["arn:aws:kms:eu-west-1:000000000000:key/secrets"]
  glue_log_group_arns   = ["arn:aws:logs:eu-west-1:000000000000:log-group:/data/glue"]
  deletion_protection   = false
  # An alias alone is the state before and after SnapStart.
  lambda_settings = {
    all = { memory_size = 1024, tracing_mode = "Active" }
    orchestrator = {
      memory_size = 2048
      alias       = true
      layers      = ["arn:aws:lambda:eu-west-1:000000000000:layer:collector:3"]
      vpc         = { subnet_ids = ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"], security_group_ids = ["sg-0a1b2c3d4e5f60718"] }
    }
    sla-monitor   = { alias = true }
    stream-router = { alias = true }
    event-sink    = { timeout_seconds = 120, log_retention_days = 90, error_threshold = 5, throttle_threshold = 9, duration_threshold_percent = 50 }
  }
  alarm_thresholds = {
    alert_age_seconds  = 1800
    canary_seconds     = 120
    dead_letters       = 1
    rule_failures      = 2
    stream_age_seconds = 600
    table_throttles    = 3
    timer_failures     = 4
  }
  enable_sfn_tracing       = true
  permissions_boundary_arn = "arn:aws:iam::000000000000:policy/boundary"
  iam_path                 = "/data/"
  enable_policies          = true
  enable_sensor_inbox      = true

  slack_channel_id = "C1"
  slack_secret_arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:slack-a1b2c3"

  alert_topic_arns      = ["arn:aws:sns:eu-west-1:000000000000:data-alerts"]
  alert_topic_key_arns  = ["arn:aws:kms:eu-west-1:000000000000:key/topics"]
  alert_secret_arns     = ["arn:aws:secretsmanager:eu-west-1:000000000000:secret:webhook-a1b2c3"]
  alert_secret_key_arns = ["arn:aws:kms:eu-west-1:000000000000:key/secrets"]
  webhook_allowed_hosts = ["hooks.internal", "10.0.0.0/8"]

  enable_glue_trigger           = true
  glue_job_arns                 = ["arn:aws:glue:eu-west-1:000000000000:job/load"]
  enable_emr_trigger            = true
  emr_cluster_arns              = ["arn:aws:elasticmapreduce:eu-west-1:000000000000:cluster/j-1"]
  enable_emr_serverless_trigger = true
  emr_serverless_app_arns       = ["arn:aws:emr-serverless:eu-west-1:000000000000:/applications/app"]
  emr_serverless_role_arns      = ["arn:aws:iam::000000000000:role/jobs"]
  enable_sfn_trigger            = true
  sfn_trigger_arns = [
    "arn:aws:states:eu-west-1:000000000000:stateMachine:load",
    "arn:aws:states:eu-west-1:000000000000:stateMachine:report:live",
    "arn:aws:states:eu-west-1:000000000000:stateMachine:report:3",
  ]
  enable_lambda_trigger = true
  lambda_trigger_arns   = ["arn:aws:lambda:eu-west-1:000000000000:function:load"]
}

output "policy_arns" {
  value = module.interlock.policy_arns
}

output "alias_arns" {
  value = module.interlock.alias_arns
}

output "sensor_writer_policy" {
  value = module.interlock.sensor_writer_policy
}
