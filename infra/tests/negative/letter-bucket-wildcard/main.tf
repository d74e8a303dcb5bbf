# Dead letters into any bucket.
module "interlock" {
  source = "../../../stack"

  environment   = "test"
  dist_path     = "${path.module}/../../zips"
  letter_bucket = "*"
}
