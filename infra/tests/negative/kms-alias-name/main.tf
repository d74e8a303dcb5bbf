# The name of an alias instead of an ARN.
module "interlock" {
  source = "../../../stack"

  environment = "test"
  dist_path   = "${path.module}/../../zips"
  kms_key_arn = "alias/data"
}
