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

run "only_our_alarms_become_events" {
  command = plan

  module {
    source = "../../modules/alarm-events"
  }

  variables {
    prefix     = "test-interlock"
    rule_name  = "test-interlock-alarms"
    target_arn = "arn:aws:sqs:eu-west-1:123456789012:test-interlock-alerts"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail["$or"][0].alarmName == [{ prefix = "test-interlock-" }]
    error_message = "The alarms of another system must not match."
  }
  assert {
    condition     = length(aws_cloudwatch_event_target.this.dead_letter_config) == 0
    error_message = "Without a queue there is no place for letters."
  }
}
