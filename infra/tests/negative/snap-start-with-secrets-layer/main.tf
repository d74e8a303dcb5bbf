# A layer that AWS does not restore.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { orchestrator = { snap_start = true, layers = ["arn:aws:lambda:eu-west-1:015030872274:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:11"] } }
}
