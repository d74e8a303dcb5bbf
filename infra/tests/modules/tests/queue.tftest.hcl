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
  name = "test-interlock-letters"
  arn  = "arn:aws:sqs:eu-west-1:123456789012:test-interlock-letters"
}

run "a_queue_is_encrypted_and_needs_tls" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.this.message_retention_seconds == 1209600
    error_message = "A queue must be encrypted and keep messages for two weeks."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_policy.this.policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "A connection without TLS must be denied."
  }
}

run "only_named_rules_may_send" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  variables {
    rule_arns = ["arn:aws:events:eu-west-1:123456789012:rule/test-interlock-watchdog"]
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_policy.this.policy).Statement[1].Condition == { ArnEquals = { "aws:SourceArn" = ["arn:aws:events:eu-west-1:123456789012:rule/test-interlock-watchdog"] } }
    error_message = "No other rule may send."
  }
}

run "the_ending_makes_a_fifo_queue" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  variables {
    name = "test-interlock-inbox.fifo"
  }

  assert {
    condition     = aws_sqs_queue.this.fifo_queue && aws_sqs_queue.this.fifo_throughput_limit == "perMessageGroupId"
    error_message = "A FIFO queue must limit each group by itself."
  }
}

run "a_live_queue_has_no_alarm" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  variables {
    alarm = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.depth) == 0 && length(output.alarm_names) == 0
    error_message = "Messages wait in a live queue at any time."
  }
}

run "a_key_of_your_own_replaces_the_one_of_sqs" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k"
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/k"
    error_message = "The given key must be used."
  }
}

run "the_alarm_names_the_command_that_lists_the_messages" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.depth[0].alarm_description, "interlock dlq list")
    error_message = "The alarm of a deployment must name the command that lists the messages."
  }
}

run "a_queue_outside_of_a_deployment_has_an_own_text" {
  command = plan

  module {
    source = "../../modules/queue"
  }

  variables {
    alarm_description = "Runs did not reach the server."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.depth[0].alarm_description == "Runs did not reach the server."
    error_message = "The command lists the queues of a deployment only."
  }
}
