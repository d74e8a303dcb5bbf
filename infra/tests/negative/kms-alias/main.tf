# An alias, which permits nothing in a policy.
module "interlock" {
  source = "../../../stack"

  environment = "test"
  dist_path   = "${path.module}/../../zips"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/data"
}
