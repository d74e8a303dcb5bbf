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

run "a_rule_of_our_bus_counts_with_its_bus" {
  command = plan

  module {
    source = "../../modules/rule-alarm"
  }

  variables {
    name  = "test-interlock-sink"
    rules = { a = "default", b = "test-interlock-bus" }
  }

  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.failures.metric_query : one(query.metric).dimensions if query.expression == null]) == toset([tomap({ RuleName = "a" }), tomap({ RuleName = "b", EventBusName = "test-interlock-bus" })])
    error_message = "Only a rule of our bus has the name of a bus."
  }
}
