# A user where a role is needed.
module "deployment" {
  source = "../../../modules/deployment"

  environment = "test"
  role_arns   = { watchdog = "arn:aws:iam::123456789012:user/watchdog" }
}
