# All of Interlock in one state: the module to use unless services are deployed each on its own.

locals {
  folders = { for name, path in { pipelines = var.pipelines_path, calendars = var.calendars_path } : name => path if path != null && path != "" }

  # The files that `interlock push` reads in a folder: any case of the ending, nothing hidden and no JSON Schemas.
  files = merge([for name, path in local.folders : {
    for file in fileset(path, "**") : "${name}/${file}" => filesha256("${path}/${file}")
    if can(regex("(?i)[.](ya?ml|json)$", file)) && !endswith(file, ".schema.json") && !can(regex("(^|/)[.]", file))
  }]...)

  # Terraform cannot run a command in a plan, so `interlock validate --receipt` leaves the hashes of the files that it found valid.
  receipts = { for name, path in local.folders : name => try(jsondecode(file("${path}/.interlock-validated.json")), null) }
  validated = merge([for name, receipt in local.receipts : {
    for file, digest in try(receipt.files, {}) : "${name}/${file}" => digest
  }]...)
  unvalidated = sort(distinct(concat(
    [for file, digest in local.files : file if try(local.validated[file], "") != digest],
    [for file in keys(local.validated) : file if !contains(keys(local.files), file)],
  )))
  # Files of both folders are valid together only: a pipeline names a calendar.
  digest    = sha256(join("\n", sort([for file, digest in local.files : "${digest} ${replace(file, "/^[a-z]+[/]/", "")}"])))
  apart     = [for name, receipt in local.receipts : name if try(receipt.digest, "") != local.digest]
  validator = "interlock validate ${join(" ", [for path in values(local.folders) : "\"${path}\""])} --receipt"
}

locals {
  push = join(" ", concat(
    ["interlock push"],
    [for path in values(local.folders) : "\"${path}\""],
    ["--environment ${var.environment} --region ${module.deployment.names.region} --account ${module.deployment.names.account_id}"],
    var.push_role_arn == null ? [] : ["--role-arn ${var.push_role_arn}"],
    var.prune_pipelines ? ["--prune --yes"] : [],
  ))
}

locals {
  # lambda_concurrency names the services with underscores, since before lambda_settings existed.
  concurrency     = { for name, limit in var.lambda_concurrency : replace(name, "_", "-") => { reserved_concurrency = limit } if limit != null }
  services        = distinct(concat(keys(local.concurrency), try(keys(var.lambda_settings), [])))
  lambda_settings = try({ for name in local.services : name => merge(lookup(local.concurrency, name, {}), lookup(var.lambda_settings, name, {})) }, var.lambda_settings)
}

# The settings of all functions, so that a problem of them is one error and not one per service.
module "deployment" {
  source = "../modules/deployment"

  environment              = var.environment
  lambda_memory_size       = var.lambda_memory_size
  lambda_settings          = local.lambda_settings
  log_retention_days       = var.log_retention_days
  alarm_thresholds         = var.alarm_thresholds
  role_arns                = var.role_arns
  log_group_arns           = var.log_group_arns
  queue_arns               = var.queue_arns
  permissions_boundary_arn = var.permissions_boundary_arn
  iam_path                 = var.iam_path
  kms_key_arn              = var.kms_key_arn
  environment_variables    = var.environment_variables
}

module "shared" {
  source = "../shared"

  environment              = var.environment
  lambda_settings          = module.deployment.functions
  deletion_protection      = var.deletion_protection
  enable_dashboard         = var.enable_dashboard
  enable_policies          = var.enable_policies
  enable_sensor_inbox      = var.enable_sensor_inbox
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  queue_arns               = var.queue_arns
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags
}

module "stream_router" {
  source = "../services/stream-router"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_settings          = module.deployment.functions
  log_retention_days       = var.log_retention_days
  environment_variables    = module.deployment.environment_variables
  profile_bucket           = var.profile_bucket
  letter_bucket            = var.letter_bucket
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  log_group_arns           = module.deployment.log_group_arns
  queue_arns               = { async-dlq = module.shared.async_dlq_arn }
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags

  sfn_timeout_seconds = var.sfn_timeout_seconds
  stream_arns         = module.shared.stream_arns
  stream_dlq_arns     = module.shared.stream_dlq_arns
  enable_sensor_inbox = var.enable_sensor_inbox
  sensor_inbox_arns   = module.shared.sensor_inbox_arns
  enable_job_events   = var.enable_job_events
}

module "orchestrator" {
  source = "../services/orchestrator"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_settings          = module.deployment.functions
  log_retention_days       = var.log_retention_days
  environment_variables    = module.deployment.environment_variables
  profile_bucket           = var.profile_bucket
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  log_group_arns           = module.deployment.log_group_arns
  queue_arns               = { async-dlq = module.shared.async_dlq_arn }
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags

  enable_job_events             = var.enable_job_events
  enable_sfn_tracing            = var.enable_sfn_tracing
  wakers                        = compact([module.stream_router.function_arn, module.watchdog.function_arn, module.sla_monitor.alias_arn])
  sfn_timeout_seconds           = var.sfn_timeout_seconds
  trigger_max_attempts          = var.trigger_max_attempts
  job_variables                 = var.job_variables
  job_secret_arns               = var.job_secret_arns
  job_secret_key_arns           = var.job_secret_key_arns
  glue_log_group_arns           = var.glue_log_group_arns
  enable_glue_trigger           = var.enable_glue_trigger
  glue_job_arns                 = var.glue_job_arns
  enable_emr_trigger            = var.enable_emr_trigger
  emr_cluster_arns              = var.emr_cluster_arns
  enable_emr_serverless_trigger = var.enable_emr_serverless_trigger
  emr_serverless_app_arns       = var.emr_serverless_app_arns
  enable_sfn_trigger            = var.enable_sfn_trigger
  sfn_trigger_arns              = var.sfn_trigger_arns
  enable_lambda_trigger         = var.enable_lambda_trigger
  lambda_trigger_arns           = var.lambda_trigger_arns
  emr_serverless_role_arns      = var.emr_serverless_role_arns
  allow_name_prefixes           = var.allow_name_prefixes
}

module "sla_monitor" {
  source = "../services/sla-monitor"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_settings          = module.deployment.functions
  log_retention_days       = var.log_retention_days
  environment_variables    = module.deployment.environment_variables
  profile_bucket           = var.profile_bucket
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  log_group_arns           = module.deployment.log_group_arns
  queue_arns               = { async-dlq = module.shared.async_dlq_arn }
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags
}

module "watchdog" {
  source = "../services/watchdog"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_settings          = module.deployment.functions
  log_retention_days       = var.log_retention_days
  environment_variables    = module.deployment.environment_variables
  profile_bucket           = var.profile_bucket
  letter_bucket            = var.letter_bucket
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  log_group_arns           = module.deployment.log_group_arns
  queue_arns               = { async-dlq = module.shared.async_dlq_arn }
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags

  watchdog_schedule         = var.watchdog_schedule
  watchdog_interval_seconds = var.watchdog_interval_seconds
  dead_man_url              = var.dead_man_url
  enable_canary             = var.enable_canary
  sfn_timeout_seconds       = var.sfn_timeout_seconds
}

module "event_sink" {
  source = "../services/event-sink"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_settings          = module.deployment.functions
  log_retention_days       = var.log_retention_days
  environment_variables    = module.deployment.environment_variables
  profile_bucket           = var.profile_bucket
  letter_bucket            = var.letter_bucket
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  log_group_arns           = module.deployment.log_group_arns
  queue_arns               = { async-dlq = module.shared.async_dlq_arn }
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags

  events_table_ttl_days = var.events_table_ttl_days
  event_bus             = module.shared.event_bus
  event_sink_queue_arn  = module.shared.event_sink_queue_arn
  event_sink_dlq_arn    = module.shared.event_sink_dlq_arn
}

module "alert_dispatcher" {
  source = "../services/alert-dispatcher"

  environment              = var.environment
  dist_path                = var.dist_path
  lambda_architecture      = var.lambda_architecture
  lambda_settings          = module.deployment.functions
  log_retention_days       = var.log_retention_days
  environment_variables    = module.deployment.environment_variables
  profile_bucket           = var.profile_bucket
  letter_bucket            = var.letter_bucket
  kms_key_arn              = module.deployment.kms_key_arn
  sns_alarm_topic_arn      = var.sns_alarm_topic_arn
  alarm_thresholds         = module.deployment.thresholds
  role_arns                = module.deployment.role_arns
  log_group_arns           = module.deployment.log_group_arns
  queue_arns               = { async-dlq = module.shared.async_dlq_arn }
  permissions_boundary_arn = module.deployment.permissions_boundary_arn
  iam_path                 = module.deployment.iam_path
  tags                     = var.tags

  events_table_ttl_days     = var.events_table_ttl_days
  event_bus                 = module.shared.event_bus
  alerts_queue_arn          = module.shared.alerts_queue_arn
  alert_dlq_arn             = module.shared.alert_dlq_arn
  alert_quiet               = var.alert_quiet
  enable_canary             = var.enable_canary
  watchdog_schedule         = var.watchdog_schedule
  watchdog_interval_seconds = var.watchdog_interval_seconds
  alert_topic_arns          = var.alert_topic_arns
  alert_topic_key_arns      = var.alert_topic_key_arns
  alert_secret_arns         = var.alert_secret_arns
  alert_secret_key_arns     = var.alert_secret_key_arns
  webhook_allowed_hosts     = var.webhook_allowed_hosts
  slack_channel_id          = var.slack_channel_id
  slack_secret_arn          = var.slack_secret_arn
  slack_bot_token           = var.slack_bot_token
}

# One resource per file, so that a plan shows each file that is new, changed or removed.
resource "terraform_data" "config" {
  for_each = local.files

  input = each.value
}

# Pushing validates every file and writes the rows with their index attributes, which a table item in Terraform would not.
# It names region, account and role, because the shell of Terraform may have others than the provider.
resource "terraform_data" "configs" {
  count = length(local.folders) > 0 ? 1 : 0

  triggers_replace = [var.environment, local.files, var.prune_pipelines]

  provisioner "local-exec" {
    command = local.push
  }

  lifecycle {
    precondition {
      condition     = length(local.files) > 0
      error_message = "There are no .yaml, .yml or .json files in ${join(" or ", values(local.folders))}."
    }
    precondition {
      condition     = length(local.files) == 0 || length(local.unvalidated) == 0
      error_message = "These files are not validated, or changed since: ${join(", ", local.unvalidated)}. Run: ${local.validator}"
    }
    precondition {
      condition     = length(local.files) == 0 || length(local.unvalidated) > 0 || length(local.apart) == 0
      error_message = "The files of ${join(" and ", keys(local.folders))} were not validated together. Run: ${local.validator}"
    }
  }

  depends_on = [module.shared, terraform_data.config]
}
