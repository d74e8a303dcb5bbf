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
  dist_path   = "../../tests/zips"
}

run "without_slack_alerts_are_logged" {
  command = plan

  assert {
    condition     = !contains(keys(local.slack_variables), "SLACK_SECRET_ARN") && !contains(keys(local.slack_variables), "SLACK_BOT_TOKEN")
    error_message = "Without a secret or a token the function must not get a token."
  }
  assert {
    condition     = local.slack_variables.SLACK_CHANNEL_ID == "none"
    error_message = "The function needs a channel id to start."
  }
}

run "the_secret_wins_over_the_token" {
  command = plan

  variables {
    slack_channel_id = "C1"
    slack_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3"
    slack_bot_token  = "t"
  }

  expect_failures = [check.slack_bot_token]

  assert {
    condition     = nonsensitive(!contains(keys(local.slack_variables), "SLACK_BOT_TOKEN"))
    error_message = "With a secret the function must not get the token."
  }
}

run "a_plain_token_is_warned_of" {
  command = plan

  variables {
    slack_channel_id = "C1"
    slack_bot_token  = "t"
  }

  expect_failures = [check.slack_bot_token]
}

run "a_secret_needs_a_channel" {
  command = plan

  variables {
    slack_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3"
  }

  expect_failures = [terraform_data.slack]
}

run "the_queue_leaves_one_invocation_for_the_probe" {
  command = plan

  variables {
    lambda_settings = { alert-dispatcher = { reserved_concurrency = 7 } }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.alerts.scaling_config[0].maximum_concurrency == 6
    error_message = "The queue must limit itself to the function's concurrency without the probe."
  }
}

run "a_queue_never_takes_fewer_than_two" {
  command = plan

  variables {
    lambda_settings = { alert-dispatcher = { reserved_concurrency = 1 } }
  }

  # AWS allows no smaller number.
  assert {
    condition     = aws_lambda_event_source_mapping.alerts.scaling_config[0].maximum_concurrency == 2
    error_message = "maximum_concurrency must be at least 2."
  }
}

run "successes_are_quiet_by_default" {
  command = plan

  assert {
    condition     = var.alert_quiet
    error_message = "Successes must open no thread by default."
  }
}

run "events_are_kept_for_a_day_at_least" {
  command = plan

  variables {
    events_table_ttl_days = 0
  }

  expect_failures = [var.events_table_ttl_days]
}

run "a_topic_with_a_wildcard_is_rejected" {
  command = plan

  variables {
    alert_topic_arns = ["arn:aws:sns:eu-west-1:123456789012:*"]
  }

  expect_failures = [var.alert_topic_arns]
}

run "a_secret_with_a_wildcard_is_rejected" {
  command = plan

  variables {
    alert_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]
  }

  expect_failures = [var.alert_secret_arns]
}

run "the_alarm_of_the_canary_waits_for_three_ticks" {
  command = plan

  variables {
    watchdog_schedule = "rate(1 hour)"
  }

  assert {
    condition     = local.canary_window == 3 * 3600
    error_message = "The window must be three intervals of the watchdog."
  }
}

run "the_alarm_of_the_canary_waits_for_at_most_a_week" {
  command = plan

  variables {
    watchdog_schedule = "rate(3 days)"
  }

  assert {
    condition     = local.canary_window == 7 * 86400
    error_message = "CloudWatch rejects a window of more than a week."
  }
}

run "a_cron_schedule_gives_the_alarm_of_the_canary_an_hour" {
  command = plan

  variables {
    watchdog_schedule = "cron(0/5 * * * ? *)"
  }

  assert {
    condition     = local.canary_window == 3600
    error_message = "A cron expression has no interval, so the window must be an hour."
  }
}

run "the_alarm_of_the_canary_takes_the_interval_of_a_cron_expression" {
  command = plan

  variables {
    watchdog_schedule         = "cron(0 */2 * * ? *)"
    watchdog_interval_seconds = 7200
  }

  assert {
    condition     = local.canary_window == 3 * 7200
    error_message = "The window must be three of the given intervals."
  }
}

run "without_a_canary_the_rule_takes_only_events" {
  command = plan

  variables {
    enable_canary = false
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.alerts.event_pattern).source == ["interlock"]
    error_message = "Without canaries the alert queue must take events only."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.canary) == 0 && length(aws_cloudwatch_log_metric_filter.canary) == 0
    error_message = "Without canaries no alarm may wait for them."
  }
}
