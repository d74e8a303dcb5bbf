mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:prod-s3-arrivals-bronze-orders-dlq" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/prod-s3-arrivals-bronze-orders" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/prod-s3-arrivals-bronze-orders" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/prod-s3-arrivals-bronze-orders" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:prod-s3-arrivals-bronze-orders" }
  }
}

variables {
  environment = "prod"
  pipeline    = "bronze-orders"
  bucket      = "incoming-files"
  key_prefix  = "orders/"
  zip_path    = "../../tests/zips/watchdog.zip"
}

run "the_function_may_put_rows_of_its_pipeline_only" {
  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s if s.Sid == "PutSensors"]) == {
      Sid      = "PutSensors"
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem"]
      Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/prod-interlock-control"
      Condition = {
        "ForAllValues:StringEquals" = {
          "dynamodb:LeadingKeys" = ["PIPELINE#bronze-orders"]
          "dynamodb:Attributes"  = ["PK", "SK", "data", "ttl"]
        }
      }
    }
    error_message = "The function must not write rows of other pipelines."
  }
}

run "no_failed_event_is_lost" {
  assert {
    condition = alltrue([
      aws_lambda_function.this.dead_letter_config[0].target_arn == "arn:aws:sqs:eu-west-1:123456789012:prod-s3-arrivals-bronze-orders-dlq",
      aws_cloudwatch_event_target.created.dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:123456789012:prod-s3-arrivals-bronze-orders-dlq",
      module.dead_letters.alarm_names == ["prod-s3-arrivals-bronze-orders-dlq-depth"],
    ])
    error_message = "Both kinds of failed events must reach the queue with the alarm."
  }
}

run "the_rule_matches_new_objects_of_the_prefix" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.created.event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail      = { bucket = { name = ["incoming-files"] }, object = { key = [{ prefix = "orders/" }] } }
    }
    error_message = "The rule must match the objects of the bucket with the prefix."
  }
}

run "a_pattern_without_a_date_is_rejected" {
  command = plan

  variables {
    key_pattern = "(?P<year>[0-9]{4})-(?P<month>[0-9]{2})"
  }
  expect_failures = [var.key_pattern]
}

run "a_pattern_of_parts_is_accepted" {
  command = plan

  variables {
    key_pattern = "(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2})/(?P<hour>[0-9]{2})/"
  }
}

run "a_name_over_64_characters_is_rejected" {
  command = plan

  variables {
    environment = "an-environment-with-a-long-name"
    pipeline    = "a-pipeline-with-a-long-name"
  }
  expect_failures = [aws_lambda_function.this]
}
