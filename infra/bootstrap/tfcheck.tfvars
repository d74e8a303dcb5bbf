bucket = "test-terraform-states"
