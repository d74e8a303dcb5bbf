# The stack with roles, log groups, a key and a dead-letter queue that exist already.
module "interlock" {
  source = "../../stack"

  environment = "test"
  dist_path   = "${path.module}/../zips"
  kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/k"
  queue_arns  = { async-dlq = "arn:aws:sqs:eu-west-1:000000000000:failed" }
  role_arns = {
    for name in ["alert-dispatcher", "event-sink", "orchestrator", "scheduler", "sfn", "sla-monitor", "stream-router", "watchdog"] :
    name => "arn:aws:iam::000000000000:role/data/own-${name}"
  }
  log_group_arns = {
    for name in ["alert-dispatcher", "event-sink", "orchestrator", "sfn", "sla-monitor", "stream-router", "watchdog"] :
    name => "arn:aws:logs:eu-west-1:000000000000:log-group:/data/${name}"
  }

  enable_sensor_inbox = true
  lambda_settings     = { for service in ["orchestrator", "sla-monitor", "stream-router"] : service => { snap_start = true } }

  enable_glue_trigger = true
  glue_job_arns       = ["arn:aws:glue:eu-west-1:000000000000:job/load"]
}

output "alias_arns" {
  value = module.interlock.alias_arns
}

output "role_policies" {
  value = module.interlock.role_policies
}
