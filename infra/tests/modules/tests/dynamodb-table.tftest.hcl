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
  name = "test-interlock-rows"
}

run "a_table_is_protected" {
  command = plan

  module {
    source = "../../modules/dynamodb-table"
  }

  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled && one(aws_dynamodb_table.this.point_in_time_recovery).enabled && one(aws_dynamodb_table.this.server_side_encryption).enabled
    error_message = "A table must be protected, encrypted and restorable."
  }
  assert {
    condition     = !aws_dynamodb_table.this.stream_enabled
    error_message = "A table has no stream unless it is asked for."
  }
}

run "an_index_has_its_keys_and_its_alarm" {
  command = plan

  module {
    source = "../../modules/dynamodb-table"
  }

  variables {
    indexes = [{ name = "GSI1", hash_key = "A", range_key = "B", range_type = "N", include = ["status"] }]
  }

  assert {
    condition     = { for attribute in aws_dynamodb_table.this.attribute : attribute.name => attribute.type } == { PK = "S", SK = "S", A = "S", B = "N" }
    error_message = "The keys of the index must be attributes."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.throttles.metric_query) == 5
    error_message = "The alarm must watch reads and writes of the table and of the index."
  }
}
