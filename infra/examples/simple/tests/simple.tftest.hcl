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
  dist_path = "../../tests/zips"
}

run "the_smallest_deployment_has_six_functions" {
  command = plan

  assert {
    condition     = length(module.interlock.function_arns) == 6 && output.control_table == "example-interlock-control"
    error_message = "The stack must be complete."
  }
  assert {
    condition     = length(module.interlock.policy_arns) == 0 && module.interlock.sensor_inbox_url == null
    error_message = "Options must be off."
  }
}
