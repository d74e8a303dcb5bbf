"""interlock build, up and deploy: the Lambda packages, the local stack, and the same deployment elsewhere."""
