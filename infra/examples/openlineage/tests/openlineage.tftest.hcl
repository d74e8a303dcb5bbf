mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/test-interlock-bus/test-interlock-openlineage" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:test-interlock-openlineage-dlq" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/test-interlock-openlineage" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/test-interlock-openlineage" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:test-interlock-openlineage" }
  }
}

variables {
  environment     = "test"
  zip_path        = "../../tests/zips/watchdog.zip"
  openlineage_url = "https://lineage.example.com"
}

run "a_function_without_a_key_reads_no_secret" {
  command = plan

  assert {
    condition     = !strcontains(aws_iam_role_policy.this.policy, "secretsmanager")
    error_message = "Without a secret the role must not read secrets."
  }
  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "OPENLINEAGE_SECRET_ARN")
    error_message = "Without a secret the function must have no ARN of one."
  }
}

run "events_that_are_not_posted_are_kept" {
  command = plan

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-west-1:123456789012:test-interlock-openlineage-dlq"
    error_message = "An event that failed for good must go to the queue."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this.dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:123456789012:test-interlock-openlineage-dlq"
    error_message = "An event that cannot be handed over must go to the queue."
  }
  assert {
    condition     = module.dead_letters.alarm_names == ["test-interlock-openlineage-dlq-depth"]
    error_message = "The queue must have an alarm."
  }
}

# The name is the one that modules/names gives the bus.
run "the_rule_is_on_the_bus_of_the_environment" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_rule.this.event_bus_name == "test-interlock-bus" && aws_cloudwatch_event_target.this.event_bus_name == "test-interlock-bus"
    error_message = "The rule and its target must be on the bus of the environment."
  }
}

run "an_own_bus_has_its_name" {
  command = plan

  variables {
    event_bus_name = "other"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.this.event_bus_name == "other" && aws_cloudwatch_event_target.this.event_bus_name == "other"
    error_message = "The rule and its target must be on the named bus."
  }
}

run "an_address_without_tls_is_rejected" {
  command = plan
  variables {
    openlineage_url = "http://lineage.example.com"
  }
  expect_failures = [var.openlineage_url]
}
