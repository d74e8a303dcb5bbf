# Every topic of the account.
module "interlock" {
  source = "../../../stack"

  environment      = "test"
  dist_path        = "${path.module}/../../zips"
  alert_topic_arns = ["arn:aws:sns:eu-west-1:123456789012:*"]
}
