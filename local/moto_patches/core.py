"""What all of moto's services share."""

from typing import Any

from moto.core.common_models import BaseModel

from local.moto_patches.patch import Patch


def keep_no_instances() -> Patch:
    def replacement(cls: type, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(cls)

    return Patch(
        BaseModel,
        "__new__",
        replacement,
        "moto keeps every instance that it has ever made, of each line of a log and each version "
        "of an object, until it is reset",
    )
