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

run "each_function_has_its_defaults" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  assert {
    condition     = output.functions["orchestrator"].timeout_seconds == 300 && output.functions["watchdog"].timeout_seconds == 240 && output.functions["event-sink"].timeout_seconds == 60
    error_message = "The timeouts must be those of the services."
  }
  assert {
    condition     = output.functions["alert-dispatcher"].reserved_concurrency == 3 && output.functions["alert-dispatcher"].memory_size == 512
    error_message = "The defaults must hold without settings."
  }
}

run "an_entry_of_a_service_wins_over_all" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { all = { memory_size = 1024, log_retention_days = 7 }, watchdog = { memory_size = 256 } }
  }

  assert {
    condition     = output.functions["watchdog"].memory_size == 256 && output.functions["watchdog"].log_retention_days == 7
    error_message = "A service must keep what its entry does not set."
  }
  assert {
    condition     = output.functions["event-sink"].memory_size == 1024
    error_message = "The entry all must hold for each other service."
  }
}

run "a_null_counts_as_left_out" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings  = { all = null, watchdog = { memory_size = null } }
    alarm_thresholds = { dead_letters = null }
  }

  assert {
    condition     = output.functions["watchdog"].memory_size == 512 && output.thresholds.dead_letters == 0
    error_message = "A null must be the default."
  }
}

run "complete_settings_are_valid_settings" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { for service in ["watchdog", "event-sink"] : service => { memory_size = 512, vpc = null, tracing_mode = null, layers = [] } }
  }

  assert {
    condition     = output.functions["watchdog"].vpc == null
    error_message = "A null must leave the function outside of a VPC."
  }
}

run "the_limit_of_a_queue_holds_for_its_reader_only" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { orchestrator = { reserved_concurrency = 5000 }, alert-dispatcher = { reserved_concurrency = 1001 } }
  }

  assert {
    condition     = output.functions["orchestrator"].reserved_concurrency == 5000
    error_message = "No queue invokes the orchestrator."
  }
}

run "more_than_the_queue_invokes_is_rejected" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { event-sink = { reserved_concurrency = 1001 } }
  }

  expect_failures = [output.functions]
}

run "half_a_megabyte_is_rejected" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { all = { memory_size = 512.5 } }
  }

  expect_failures = [output.functions]
}

run "a_text_is_no_number" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { all = { timeout_seconds = "long" } }
  }

  expect_failures = [output.functions]
}

run "six_layers_are_rejected" {
  command = plan

  module {
    source = "../../modules/deployment"
  }

  variables {
    lambda_settings = { all = { layers = [for number in range(6) : "arn:aws:lambda:eu-west-1:123456789012:layer:part:${number}"] } }
  }

  expect_failures = [output.functions]
}
