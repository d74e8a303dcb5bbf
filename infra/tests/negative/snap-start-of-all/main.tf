# An entry that names functions without an alias too.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { all = { snap_start = true } }
}
