# Settings of a service that does not exist.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { watch-dog = { memory_size = 1024 } }
}
