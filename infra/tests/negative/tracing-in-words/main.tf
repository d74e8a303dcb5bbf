# A mode that X-Ray does not have.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { all = { tracing_mode = "on" } }
}
