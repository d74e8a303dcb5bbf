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

run "timers_run_under_the_role_of_timers" {
  command = plan

  variables {
    role_arns = { scheduler = "arn:aws:iam::123456789012:role/timers" }
  }

  assert {
    condition     = one([for statement in jsondecode(output.role_policy).Statement : statement.Resource if statement.Sid == "PassTimerRole"]) == "arn:aws:iam::123456789012:role/timers"
    error_message = "Only the role of the timers may be passed."
  }
}

run "it_has_no_rules_of_its_own" {
  command = plan

  assert {
    condition     = toset(keys(output.alarm_arns)) == toset([for kind in ["errors", "throttles", "duration"] : "test-interlock-sla-monitor-${kind}"])
    error_message = "Timers and the state machine invoke it."
  }
}
