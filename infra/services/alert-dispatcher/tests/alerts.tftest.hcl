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
    reserved_concurrency = 7
  }

  assert {
    condition     = aws_lambda_event_source_mapping.alerts.scaling_config[0].maximum_concurrency == 6
    error_message = "The queue must limit itself to the function's concurrency without the probe."
  }
}

run "a_queue_never_takes_fewer_than_two" {
  command = plan

  variables {
    reserved_concurrency = 1
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
