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
}

run "names_begin_with_the_environment" {
  command = plan

  module {
    source = "../../modules/names"
  }

  assert {
    condition     = output.tables["control"] == "test-interlock-control" && output.queues["sensor-inbox"] == "test-interlock-sensor-inbox.fifo"
    error_message = "Names must be <environment>-interlock-<thing>."
  }
  assert {
    condition     = output.function_arns["watchdog"] == "arn:aws:lambda:eu-west-1:123456789012:function:test-interlock-watchdog"
    error_message = "ARNs must name account and region."
  }
  assert {
    condition     = output.rule_arns["alerts"] == "arn:aws:events:eu-west-1:123456789012:rule/test-interlock-bus/test-interlock-alerts" && output.rule_arns["watchdog"] == "arn:aws:events:eu-west-1:123456789012:rule/test-interlock-watchdog"
    error_message = "The ARN of a rule of our bus must name the bus."
  }
}

run "roles_have_the_path" {
  command = plan

  module {
    source = "../../modules/names"
  }

  variables {
    iam_path = "/data/"
  }

  assert {
    condition     = output.role_arns["sfn"] == "arn:aws:iam::123456789012:role/data/test-interlock-sfn"
    error_message = "The path is a part of the ARN."
  }
}

run "own_roles_and_queues_are_named" {
  command = plan

  module {
    source = "../../modules/names"
  }

  variables {
    role_arns  = { scheduler = "arn:aws:iam::123456789012:role/timers" }
    queue_arns = { async-dlq = "arn:aws:sqs:eu-west-1:123456789012:failed" }
  }

  assert {
    condition     = output.timer_variables.SCHEDULER_ROLE_ARN == "arn:aws:iam::123456789012:role/timers" && output.timer_variables.SCHEDULER_DLQ_ARN == "arn:aws:sqs:eu-west-1:123456789012:failed"
    error_message = "The functions must get the own role and queue."
  }
  assert {
    condition     = one([for statement in output.statements.timers : statement.Resource if statement.Sid == "PassTimerRole"]) == "arn:aws:iam::123456789012:role/timers"
    error_message = "The own role must be the one that may be passed."
  }
}

run "an_environment_with_capitals_is_rejected" {
  command = plan

  module {
    source = "../../modules/names"
  }

  variables {
    environment = "Prod"
  }

  expect_failures = [var.environment]
}
