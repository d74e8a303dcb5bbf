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
  dist_path          = "../../tests/zips"
  alarm_email        = "data@example.com"
  slack_channel_id   = "C0123456789"
  subnet_ids         = ["subnet-0a1b2c3d4e5f60718"]
  security_group_ids = ["sg-0a1b2c3d4e5f60718"]
  producer_role_name = "orders-feed"
}

run "the_options_are_on" {
  command = plan

  assert {
    condition     = output.dashboard == "example-interlock" && output.sensor_inbox_url != null
    error_message = "The dashboard and the inbox must exist."
  }
  assert {
    condition     = aws_iam_role_policy_attachment.producer.policy_arn == "arn:aws:iam::123456789012:policy/data/example-interlock-inbox-sensor-writer"
    error_message = "The producer must get the policy of the inbox."
  }
  assert {
    condition     = !contains(keys(module.interlock.queue_arns), "example-interlock-async-dlq")
    error_message = "The own queue must replace ours."
  }
}

run "the_key_may_be_used_by_the_services_that_encrypt" {
  command = plan

  assert {
    condition     = toset([for statement in jsondecode(aws_kms_key.interlock.policy).Statement : try(statement.Principal.Service, "account")]) == toset(["account", "cloudwatch.amazonaws.com", "events.amazonaws.com", "logs.eu-west-1.amazonaws.com"])
    error_message = "Each service that encrypts must be able to use the key."
  }
}
