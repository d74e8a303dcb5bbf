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

run "the_inbox_is_an_option" {
  command = plan

  assert {
    condition     = length(module.sensor_inbox) == 0 && output.sensor_inbox_url == null && output.sensor_writer_policy == null
    error_message = "There must be no inbox unless it is asked for."
  }
}

run "a_queue_waits_for_its_function" {
  command = plan

  variables {
    lambda_settings = { alert-dispatcher = { timeout_seconds = 100 } }
  }

  assert {
    condition     = local.timeouts["alert-dispatcher"] == 100
    error_message = "The queue must know the timeout of its function."
  }
}

run "an_own_role_of_timers_replaces_ours" {
  command = plan

  variables {
    role_arns = { scheduler = "arn:aws:iam::123456789012:role/timers" }
  }

  assert {
    condition     = length(aws_iam_role.scheduler) == 0 && output.scheduler_role_arn == "arn:aws:iam::123456789012:role/timers"
    error_message = "The own role must be used."
  }
  assert {
    condition     = jsondecode(output.scheduler_role_policy).Statement[0].Action == ["lambda:InvokeFunction"]
    error_message = "The policy for the own role must be an output."
  }
}

run "an_own_queue_of_failed_events_replaces_ours" {
  command = plan

  variables {
    queue_arns = { async-dlq = "arn:aws:sqs:eu-west-1:123456789012:failed" }
  }

  assert {
    condition     = length(module.async_dlq) == 0 && output.async_dlq_arn == "arn:aws:sqs:eu-west-1:123456789012:failed"
    error_message = "The own queue must be used."
  }
}

run "policies_and_dashboard_are_options" {
  command = plan

  variables {
    enable_dashboard = false
  }

  assert {
    condition     = output.dashboard == null && length(output.policy_arns) == 0
    error_message = "Both must be absent."
  }
}
