# The settings that all parts of a deployment share: checked, with their defaults. It makes no resource.

module "names" {
  source = "../names"

  environment = var.environment
}

locals {
  # The lifetimes that CloudWatch has for logs, in days. 0: for ever.
  retentions = [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
}
