provider "aws" {
  alias  = "training"
  region = var.region
}

provider "aws" {
  alias  = "serving"
  region = var.region

  assume_role {
    role_arn = var.serving_role_arn
  }
}

# Data, training and models.
module "training" {
  source    = "../.."
  providers = { aws = aws.training }

  name          = var.name
  force_destroy = var.force_destroy

  data_bucket_access = { model_readers = [module.serving.role_arns["inference"]] }
}

# Answers from those models, which is all that its role may read of them.
module "serving" {
  source    = "../.."
  providers = { aws = aws.serving }

  name          = "${var.name}-serving"
  data_bucket   = { name = module.training.data_bucket, expires_short_lived = true }
  force_destroy = var.force_destroy

  # Nothing is processed or trained here.
  backbones = []
  functions = {
    data_processing = { reserved_concurrency = 0 }
    model_training  = { reserved_concurrency = 0 }
  }
}
