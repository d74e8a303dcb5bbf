# A name that AWS would not take.
module "interlock" {
  source = "../../../stack"

  environment = "Prod_1"
  dist_path   = "${path.module}/../../zips"

}
