# Signed requests from anywhere, as in examples/quickstart.
module "ml" {
  source = "./module"

  name          = var.name
  force_destroy = true
}
