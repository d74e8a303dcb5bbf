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

run "given_streams_are_used" {
  command = plan

  variables {
    stream_arns = {
      control = "arn:aws:dynamodb:eu-west-1:123456789012:table/test-interlock-control/stream/1"
      joblog  = "arn:aws:dynamodb:eu-west-1:123456789012:table/test-interlock-joblog/stream/2"
    }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.streams["joblog"].event_source_arn == var.stream_arns.joblog
    error_message = "The stream that is given must be mapped."
  }
  assert {
    condition     = length(data.aws_dynamodb_table.streamed) == 0
    error_message = "Nothing must be looked up."
  }
}

run "streams_are_looked_up_otherwise" {
  command = plan

  override_data {
    target = data.aws_dynamodb_table.streamed["control"]
    values = { stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/test-interlock-control/stream/9" }
  }

  assert {
    condition     = data.aws_dynamodb_table.streamed["control"].name == "test-interlock-control"
    error_message = "The table must be looked up by its name."
  }
  assert {
    condition     = endswith(aws_lambda_event_source_mapping.streams["control"].event_source_arn, "/stream/9")
    error_message = "The stream that was found must be mapped."
  }
}
