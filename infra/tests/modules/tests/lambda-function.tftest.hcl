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
    lambda_settings = {
      orchestrator  = { snap_start = true }
      stream-router = { alias = true }
    }
  }
}

run "a_function_has_its_role_its_log_and_three_alarms" {
  command = plan

  module {
    source = "../../modules/lambda-function"
  }

  variables {
    deployment  = run.deployment
    description = "Test."
    statements  = []
    variables   = {}
    service     = "sla-monitor"
  }

  assert {
    condition     = length(aws_iam_role.this) == 1 && aws_cloudwatch_log_group.this[0].name == "/aws/lambda/test-interlock-sla-monitor"
    error_message = "The role and the log group must be created."
  }
  assert {
    condition     = toset(output.alarm_names) == toset([for kind in ["errors", "throttles", "duration"] : "test-interlock-sla-monitor-${kind}"])
    error_message = "There must be three alarms."
  }
  assert {
    condition     = length(aws_lambda_function_event_invoke_config.this) == 0 && length(aws_lambda_function.this.dead_letter_config) == 0
    error_message = "A synchronous function has no dead letters."
  }
}

run "an_asynchronous_function_keeps_failed_events" {
  command = plan

  module {
    source = "../../modules/lambda-function"
  }

  variables {
    deployment      = run.deployment
    description     = "Test."
    statements      = []
    variables       = {}
    service         = "event-sink"
    is_asynchronous = true
  }

  assert {
    condition     = one(aws_lambda_function.this.dead_letter_config).target_arn == "arn:aws:sqs:eu-west-1:123456789012:test-interlock-async-dlq"
    error_message = "A failed event must reach the queue."
  }
  assert {
    condition     = contains([for statement in output.statements : statement.Sid], "DeadLetters")
    error_message = "The role must be able to send there."
  }
}

run "own_parts_are_used_as_they_are" {
  command = plan

  module {
    source = "../../modules/lambda-function"
  }

  variables {
    deployment  = run.deployment
    description = "Test."
    statements  = []
    variables   = {}
    service     = "watchdog"
  }

  assert {
    condition     = length(aws_iam_role.this) + length(aws_iam_role_policy.this) + length(aws_cloudwatch_log_group.this) == 0
    error_message = "Own parts must not be created."
  }
  assert {
    condition     = one(aws_lambda_function.this.logging_config).log_group == "/data/own" && output.role_name == "own"
    error_message = "The own log group and role must be used."
  }
}

run "a_function_with_snapstart_is_invoked_by_its_alias" {
  command = plan

  module {
    source = "../../modules/lambda-function"
  }

  variables {
    deployment      = run.deployment
    description     = "Test."
    statements      = []
    variables       = {}
    service         = "orchestrator"
    is_asynchronous = true
  }

  assert {
    condition     = aws_lambda_function.this.publish && one(aws_lambda_function.this.snap_start).apply_on == "PublishedVersions"
    error_message = "Each change must publish a version with a snapshot."
  }
  assert {
    condition     = output.target_arn == "${output.arn}:live" && output.alias_arn == output.target_arn && aws_lambda_alias.live[0].name == "live"
    error_message = "Invokers must name the alias."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.live[0].qualifier == "live" && length(aws_lambda_function_event_invoke_config.this) == 1
    error_message = "Events of the alias and of the function must be retried."
  }
}

run "an_alias_alone_is_invoked_by_none" {
  command = plan

  module {
    source = "../../modules/lambda-function"
  }

  variables {
    deployment  = run.deployment
    description = "Test."
    statements  = []
    variables   = {}
    service     = "stream-router"
  }

  assert {
    condition     = aws_lambda_function.this.publish && length(aws_lambda_function.this.snap_start) == 0 && length(aws_lambda_alias.live) == 1
    error_message = "The function must have its alias without a snapshot."
  }
  assert {
    condition     = output.target_arn == output.arn && output.alias_arn == "${output.arn}:live"
    error_message = "Invokers must name the function."
  }
}
