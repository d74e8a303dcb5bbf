# Jobs that may take any role.
module "interlock" {
  source = "../../../stack"

  environment                   = "test"
  dist_path                     = "${path.module}/../../zips"
  enable_emr_serverless_trigger = true
  emr_serverless_app_arns       = ["arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00abc"]
  emr_serverless_role_arns      = ["arn:aws:iam::123456789012:role/*"]
}
