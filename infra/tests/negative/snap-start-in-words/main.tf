# A value of the API of Lambda, not of this setting.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { orchestrator = { snap_start = "PublishedVersions" } }
}
