"""Application Auto Scaling."""

import json
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

from local.moto_patches.patch import Patch


def keep_tags() -> list[Patch]:
    register = ApplicationAutoScalingResponse.register_scalable_target

    def registered(self: Any) -> str:
        answer = register(self)
        arn = json.loads(answer)["ScalableTargetARN"]
        _target(self.applicationautoscaling_backend, arn).tags = self._get_param("Tags", {})
        return answer

    def listed(self: Any) -> str:
        target = _target(self.applicationautoscaling_backend, self._get_param("ResourceARN"))
        return json.dumps({"Tags": target.tags})

    reason = "moto drops the tags of scalable targets and has no way of listing them"
    return [
        Patch(ApplicationAutoScalingResponse, "register_scalable_target", registered, reason),
        Patch(ApplicationAutoScalingResponse, "list_tags_for_resource", listed, reason),
    ]


def _target(backend: ApplicationAutoscalingBackend, arn: str) -> Any:
    targets = [one for group in backend.targets.values() for one in group.values()]
    (found,) = [one for one in targets if one.arn == arn]
    return found
