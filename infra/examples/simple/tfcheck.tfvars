dist_path = "../../tests/zips"
