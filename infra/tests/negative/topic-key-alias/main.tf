# An alias, which permits nothing in a policy.
module "interlock" {
  source = "../../../stack"

  environment          = "test"
  dist_path            = "${path.module}/../../zips"
  alert_topic_key_arns = ["arn:aws:kms:eu-west-1:123456789012:alias/topics"]
}
