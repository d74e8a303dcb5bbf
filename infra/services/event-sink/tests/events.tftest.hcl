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

run "the_queue_limits_itself_to_the_function" {
  command = plan

  variables {
    lambda_settings = { event-sink = { reserved_concurrency = 7 } }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.events.scaling_config[0].maximum_concurrency == 7
    error_message = "Messages that find no free function would count as received."
  }
}

run "without_a_limit_ten_invocations_read_the_queue" {
  command = plan

  variables {
    lambda_settings = { event-sink = { reserved_concurrency = -1 } }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.events.scaling_config[0].maximum_concurrency == 10
    error_message = "The queue must have a limit at any time."
  }
}

run "events_are_kept_for_a_day_at_least" {
  command = plan

  variables {
    events_table_ttl_days = 0
  }

  expect_failures = [var.events_table_ttl_days]
}

run "every_event_of_the_bus_is_kept" {
  command = plan

  variables {
    event_bus = "other"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.all.event_bus_name == "other" && jsondecode(aws_cloudwatch_event_rule.all.event_pattern) == { source = ["interlock"] }
    error_message = "The rule must take all events of the given bus."
  }
}
