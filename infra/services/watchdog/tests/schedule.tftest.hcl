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

run "the_alarm_of_silence_waits_for_two_intervals" {
  command = plan

  variables {
    watchdog_schedule = "rate(3 hours)"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent.period == 3 * 3600 && aws_cloudwatch_metric_alarm.silent.evaluation_periods == 2
    error_message = "Each period must have a tick."
  }
}

run "the_alarm_of_silence_keeps_to_the_limits_of_cloudwatch" {
  command = plan

  variables {
    watchdog_schedule = "rate(3 days)"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent.period == 86400 && aws_cloudwatch_metric_alarm.silent.evaluation_periods == 6
    error_message = "A period must have at most a day, and the periods together at most a week."
  }
}

run "the_alarm_of_silence_takes_the_interval_of_a_cron_expression" {
  command = plan

  variables {
    watchdog_schedule         = "cron(0 */2 * * ? *)"
    watchdog_interval_seconds = 7200
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent.period == 7200
    error_message = "The period must be the given interval."
  }
}

run "a_schedule_in_words_is_rejected" {
  command = plan

  variables {
    watchdog_schedule = "every 5 minutes"
  }

  expect_failures = [var.watchdog_schedule]
}
