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

run "deployment" {
  command = apply

  module {
    source = "../../modules/deployment"
  }

  variables {
    environment    = "test"
    dist_path      = "../zips"
    role_arns      = { watchdog = "arn:aws:iam::123456789012:role/data/own" }
    log_group_arns = { watchdog = "arn:aws:logs:eu-west-1:123456789012:log-group:/data/own" }
  }
}

run "without_an_inbox_no_policy_writes_to_it" {
  command = plan

  module {
    source = "../../modules/policies"
  }

  variables {
    deployment          = run.deployment
    queues              = ["alerts", "alert-dlq"]
    enable_sensor_inbox = false
  }

  assert {
    condition     = toset(keys(aws_iam_policy.this)) == toset(["operator", "reader", "table-sensor-writer"])
    error_message = "There must be no policy for an inbox that does not exist."
  }
}

run "a_redrive_reads_dead_letter_queues_only" {
  command = plan

  module {
    source = "../../modules/policies"
  }

  variables {
    deployment          = run.deployment
    queues              = ["alerts", "alert-dlq"]
    enable_sensor_inbox = true
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_policy.this["operator"].policy).Statement : statement.Resource if statement.Sid == "RedriveMessages"]) == ["arn:aws:sqs:eu-west-1:123456789012:test-interlock-alert-dlq"]
    error_message = "Messages of a live queue belong to its function."
  }
}
