# Every secret of the account.
module "interlock" {
  source = "../../../stack"

  environment      = "test"
  dist_path        = "${path.module}/../../zips"
  slack_channel_id = "C1"
  slack_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"
}
