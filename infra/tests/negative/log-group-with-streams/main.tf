# A log group with the last part that policies have.
module "deployment" {
  source = "../../../modules/deployment"

  environment    = "test"
  log_group_arns = { watchdog = "arn:aws:logs:eu-west-1:123456789012:log-group:/data/watchdog:*" }
}
