# Less memory than Lambda has.
module "interlock" {
  source = "../../../stack"

  environment        = "test"
  dist_path          = "${path.module}/../../zips"
  lambda_memory_size = 1
}
