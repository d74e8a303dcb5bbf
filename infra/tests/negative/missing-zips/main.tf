# A folder that holds no zips.
module "interlock" {
  source = "../../../stack"

  environment = "test"
  dist_path   = "${path.module}/."

}
