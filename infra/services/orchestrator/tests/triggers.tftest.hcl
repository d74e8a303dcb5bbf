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

run "an_enabled_glue_trigger_needs_arns" {
  command = plan

  variables {
    enable_glue_trigger      = true
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "a_wildcard_is_no_arn_for_glue" {
  command = plan

  variables {
    enable_glue_trigger      = true
    glue_job_arns            = ["*"]
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "an_enabled_emr_trigger_needs_arns" {
  command = plan

  variables {
    enable_emr_trigger       = true
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "a_wildcard_is_no_arn_for_emr" {
  command = plan

  variables {
    enable_emr_trigger       = true
    emr_cluster_arns         = ["*"]
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "an_enabled_emr_serverless_trigger_needs_arns" {
  command = plan

  variables {
    enable_emr_serverless_trigger = true
    emr_serverless_role_arns      = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "a_wildcard_is_no_arn_for_emr_serverless" {
  command = plan

  variables {
    enable_emr_serverless_trigger = true
    emr_serverless_app_arns       = ["*"]
    emr_serverless_role_arns      = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "an_enabled_sfn_trigger_needs_arns" {
  command = plan

  variables {
    enable_sfn_trigger       = true
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "a_wildcard_is_no_arn_for_sfn" {
  command = plan

  variables {
    enable_sfn_trigger       = true
    sfn_trigger_arns         = ["*"]
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "an_enabled_lambda_trigger_needs_arns" {
  command = plan

  variables {
    enable_lambda_trigger    = true
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "a_wildcard_is_no_arn_for_lambda" {
  command = plan

  variables {
    enable_lambda_trigger    = true
    lambda_trigger_arns      = ["*"]
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  expect_failures = [output.role_policy]
}

run "arns_alone_enable_nothing" {
  command = plan

  variables {
    glue_job_arns       = ["arn:aws:glue:eu-west-1:123456789012:job/load"]
    lambda_trigger_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:load"]
  }

  assert {
    condition     = length(aws_iam_role_policy.trigger) == 0
    error_message = "A trigger that is not enabled must not be permitted."
  }
}

run "each_trigger_may_do_only_what_it_names" {
  command = plan

  variables {
    enable_glue_trigger           = true
    glue_job_arns                 = ["arn:aws:glue:eu-west-1:123456789012:job/load"]
    enable_sfn_trigger            = true
    sfn_trigger_arns              = ["arn:aws:states:eu-west-1:123456789012:stateMachine:load"]
    enable_emr_serverless_trigger = true
    emr_serverless_app_arns       = ["arn:aws:emr-serverless:eu-west-1:123456789012:/applications/app"]
    emr_serverless_role_arns      = ["arn:aws:iam::123456789012:role/jobs"]
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy.trigger)) == toset(["glue", "sfn", "emr_serverless", "emr_serverless_roles"])
    error_message = "There must be one policy per enabled trigger."
  }
  assert {
    condition = contains(
      jsondecode(aws_iam_role_policy.trigger["sfn"].policy).Statement[1].Resource,
      "arn:aws:states:eu-west-1:123456789012:execution:load:*",
    )
    error_message = "The executions of a named state machine must be readable."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.trigger["glue"].policy).Statement[0].Resource == ["arn:aws:glue:eu-west-1:123456789012:job/load"]
    error_message = "Only the named Glue job may be started."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.trigger["emr_serverless_roles"].policy).Statement[0].Resource == ["arn:aws:iam::123456789012:role/jobs"]
    error_message = "Only the named roles may be passed."
  }
}

run "a_prefix_of_a_name_is_permitted_on_request" {
  command = plan

  variables {
    allow_name_prefixes   = true
    enable_glue_trigger   = true
    glue_job_arns         = ["arn:aws:glue:eu-west-1:123456789012:job/load-*"]
    enable_sfn_trigger    = true
    sfn_trigger_arns      = ["arn:aws:states:eu-west-1:123456789012:stateMachine:load-*"]
    enable_lambda_trigger = true
    lambda_trigger_arns   = ["arn:aws:lambda:eu-west-1:123456789012:function:load-*"]
    # Another part of the configuration is no subject of this run.
    emr_serverless_role_arns = ["arn:aws:iam::123456789012:role/jobs"]
  }

  assert {
    condition = contains(
      jsondecode(aws_iam_role_policy.trigger["sfn"].policy).Statement[1].Resource,
      "arn:aws:states:eu-west-1:123456789012:execution:load-*:*",
    )
    error_message = "The executions of the machines with this prefix must be readable."
  }
}

run "a_function_that_is_named_by_alias_may_be_invoked_by_that_alias_only" {
  command = plan

  variables {
    enable_lambda_trigger = true
    lambda_trigger_arns   = ["arn:aws:lambda:eu-west-1:123456789012:function:load:live"]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.trigger["lambda"].policy).Statement[0].Resource == ["arn:aws:lambda:eu-west-1:123456789012:function:load:live"]
    error_message = "Only the named alias may be invoked."
  }
}

run "emr_serverless_without_roles_is_warned_of" {
  command = plan

  variables {
    enable_emr_serverless_trigger = true
    emr_serverless_app_arns       = ["arn:aws:emr-serverless:eu-west-1:123456789012:/applications/app"]
  }

  expect_failures = [check.emr_serverless_roles]
}

run "only_interlock_variables_reach_job_configs" {
  command = plan

  variables {
    job_variables = { PATH = "/bin" }
  }

  expect_failures = [var.job_variables]
}

run "the_machine_takes_its_limits" {
  command = plan

  variables {
    sfn_timeout_seconds  = 7200
    trigger_max_attempts = 0
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.pipeline.definition).TimeoutSeconds == 7200
    error_message = "The state machine must end after sfn_timeout_seconds."
  }
}

run "a_machine_that_ends_at_once_is_rejected" {
  command = plan

  variables {
    sfn_timeout_seconds = 60
  }

  expect_failures = [var.sfn_timeout_seconds]
}

run "half_an_attempt_is_rejected" {
  command = plan

  variables {
    trigger_max_attempts = 1.5
  }

  expect_failures = [var.trigger_max_attempts]
}
