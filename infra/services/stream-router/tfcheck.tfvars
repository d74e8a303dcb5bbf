environment = "test"
dist_path   = "../../tests/zips"
