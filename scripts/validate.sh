#!/bin/sh
# Validates the module and each example with the Terraform at hand and one version of the AWS provider.
#
#   scripts/validate.sh VERSION    such as 5.100.0, or "< 7" for the newest one
set -eu

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/examples"
cp ./*.tf VERSION "$copy"
cp -R modules "$copy"
for root in examples/*/main.tf; do
  cp -R "$(dirname "$root")" "$copy/examples"
done
rm -rf "$copy"/examples/*/.terraform "$copy"/examples/*/.terraform.lock.hcl

for root in "$copy" "$copy"/examples/*; do
  printf 'terraform {\n  required_providers {\n    aws = {\n      source  = "hashicorp/aws"\n      version = "%s"\n    }\n  }\n}\n' "$1" >"$root/versions_override.tf"
  terraform -chdir="$root" init -backend=false -input=false >/dev/null
  printf '%s: ' "${root#"$copy"}"
  terraform -chdir="$root" validate -no-color
done
