# A setting that does not exist.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { all = { memory = 1024 } }
}
