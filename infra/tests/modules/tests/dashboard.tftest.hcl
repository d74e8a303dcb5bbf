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

run "the_dashboard_shows_the_given_queues" {
  command = plan

  module {
    source = "../../modules/dashboard"
  }

  variables {
    deployment  = run.deployment
    environment = "test"
    queues      = ["test-interlock-alerts"]
  }

  assert {
    condition     = aws_cloudwatch_dashboard.this.dashboard_name == "test-interlock"
    error_message = "The dashboard must have the name of the deployment."
  }
  assert {
    condition     = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.metrics if widget.properties.title == "Messages"] == [[["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "test-interlock-alerts"]]]
    error_message = "The widget must show this queue and no other."
  }
}
