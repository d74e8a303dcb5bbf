# Every secret of the account for webhooks.
module "interlock" {
  source = "../../../stack"

  environment       = "test"
  dist_path         = "${path.module}/../../zips"
  alert_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]
}
