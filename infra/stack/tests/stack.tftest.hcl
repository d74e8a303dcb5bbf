mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
}

variables {
  environment = "test"
  dist_path   = "../tests/zips"
}

run "nothing_is_pushed_unless_asked" {
  command = plan

  assert {
    condition     = length(terraform_data.configs) == 0
    error_message = "Without pipelines_path nothing must be pushed."
  }
  assert {
    condition     = output.event_bus == "test-interlock-bus" && output.tables["control"] == "test-interlock-control"
    error_message = "Names must be <environment>-interlock-<thing>."
  }
}

run "the_files_of_both_folders_are_pushed" {
  command = plan

  variables {
    pipelines_path = "../tests/configs/pipelines"
    calendars_path = "../tests/configs/calendars"
  }

  assert {
    condition     = toset(keys(local.files)) == toset(["pipelines/daily.yaml", "pipelines/team/HOURLY.YAML", "calendars/holidays.yaml"])
    error_message = "Every file of both folders must be pushed, and no other: nothing hidden and no schema."
  }
  assert {
    condition     = length(terraform_data.configs) == 1
    error_message = "The files must be pushed."
  }
}

run "each_file_is_shown_in_the_plan" {
  command = plan

  variables {
    pipelines_path = "../tests/configs/pipelines"
    calendars_path = "../tests/configs/calendars"
  }

  assert {
    condition     = toset(keys(terraform_data.config)) == toset(keys(local.files))
    error_message = "A removed file must be a resource that is destroyed."
  }
}

run "the_push_names_region_and_account_of_the_provider" {
  command = plan

  variables {
    pipelines_path = "../tests/configs/pipelines"
    calendars_path = "../tests/configs/calendars"
  }

  assert {
    condition     = endswith(local.push, " --environment test --region eu-west-1 --account 123456789012")
    error_message = "The push must not use the region and the account of the shell."
  }
}

run "the_push_takes_a_role_and_removes_pipelines_on_request" {
  command = plan

  variables {
    pipelines_path  = "../tests/configs/pipelines"
    calendars_path  = "../tests/configs/calendars"
    push_role_arn   = "arn:aws:iam::123456789012:role/deploy"
    prune_pipelines = true
  }

  assert {
    condition     = endswith(local.push, " --role-arn arn:aws:iam::123456789012:role/deploy --prune --yes")
    error_message = "The push must assume the role and remove pipelines."
  }
}

run "a_folder_alone_is_not_what_was_validated" {
  command = plan

  # The receipt of this folder is of both folders, and the pipelines name a calendar.
  variables {
    pipelines_path = "../tests/configs/pipelines"
  }

  expect_failures = [terraform_data.configs]
}

run "a_folder_without_files_is_rejected" {
  command = plan

  variables {
    pipelines_path = "../tests/zips"
  }

  expect_failures = [terraform_data.configs]
}

run "every_older_variable_is_still_taken" {
  command = plan

  variables {
    tags                          = { team = "data" }
    lambda_memory_size            = 256
    log_retention_days            = 7
    watchdog_schedule             = "rate(10 minutes)"
    sfn_timeout_seconds           = 7200
    trigger_max_attempts          = 5
    events_table_ttl_days         = 30
    slack_secret_arn              = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3"
    slack_channel_id              = "C1"
    lambda_concurrency            = { watchdog = 1 }
    kms_key_arn                   = "arn:aws:kms:eu-west-1:123456789012:key/k"
    sns_alarm_topic_arn           = "arn:aws:sns:eu-west-1:123456789012:alarms"
    enable_glue_trigger           = true
    glue_job_arns                 = ["arn:aws:glue:eu-west-1:123456789012:job/load"]
    enable_emr_trigger            = true
    emr_cluster_arns              = ["arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/j-1"]
    enable_emr_serverless_trigger = true
    emr_serverless_app_arns       = ["arn:aws:emr-serverless:eu-west-1:123456789012:/applications/app"]
    emr_serverless_role_arns      = ["arn:aws:iam::123456789012:role/jobs"]
    enable_sfn_trigger            = true
    sfn_trigger_arns              = ["arn:aws:states:eu-west-1:123456789012:stateMachine:load"]
    enable_lambda_trigger         = true
    lambda_trigger_arns           = ["arn:aws:lambda:eu-west-1:123456789012:function:load"]
  }
}

run "null_means_the_default" {
  command = plan

  variables {
    tags                          = null
    lambda_architecture           = null
    lambda_memory_size            = null
    lambda_concurrency            = null
    lambda_settings               = null
    log_retention_days            = null
    watchdog_schedule             = null
    deletion_protection           = null
    enable_sensor_inbox           = null
    enable_job_events             = null
    environment_variables         = null
    sfn_timeout_seconds           = null
    trigger_max_attempts          = null
    enable_glue_trigger           = null
    glue_job_arns                 = null
    enable_emr_trigger            = null
    emr_cluster_arns              = null
    enable_emr_serverless_trigger = null
    emr_serverless_app_arns       = null
    enable_sfn_trigger            = null
    sfn_trigger_arns              = null
    enable_lambda_trigger         = null
    lambda_trigger_arns           = null
    emr_serverless_role_arns      = null
    job_variables                 = null
    events_table_ttl_days         = null
    enable_canary                 = null
    alert_quiet                   = null
    alert_topic_arns              = null
    alert_topic_key_arns          = null
    alert_secret_arns             = null
    webhook_allowed_hosts         = null
  }

  assert {
    condition     = var.lambda_memory_size == 512 && length(var.sfn_trigger_arns) == 0
    error_message = "A null must count as left out."
  }
}

run "empty_text_means_none" {
  command = plan

  variables {
    pipelines_path      = ""
    calendars_path      = ""
    slack_secret_arn    = ""
    slack_channel_id    = ""
    slack_bot_token     = ""
    kms_key_arn         = ""
    sns_alarm_topic_arn = ""
  }
}
