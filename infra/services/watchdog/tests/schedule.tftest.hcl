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

run "the_schedule_is_ours_to_set" {
  command = plan

  variables {
    watchdog_schedule = "rate(1 minute)"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule.schedule_expression == "rate(1 minute)"
    error_message = "The watchdog must tick at the configured rate."
  }
}

run "a_schedule_in_words_is_rejected" {
  command = plan

  variables {
    watchdog_schedule = "every 5 minutes"
  }

  expect_failures = [var.watchdog_schedule]
}
