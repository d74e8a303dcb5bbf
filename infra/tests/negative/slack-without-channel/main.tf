# A Slack token without a channel.
module "interlock" {
  source = "../../../stack"

  environment      = "test"
  dist_path        = "${path.module}/../../zips"
  slack_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3"
}
