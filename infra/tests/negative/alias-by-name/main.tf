# The name of an alias, which is fixed.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { sla-monitor = { alias = "blue" } }
}
