"""Several pictures of one moment to one hand, in the camera of the one that is the target.

Legend: N views that the model looks at, S side of the crop in pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from service.contract import ModelContract
from service.encode.negotiation import Encoders
from service.encode.result import HandResult
from service.engines.protocol import Engine, view_inputs
from service.parameters import ViewsParameters
from service.pipeline import Steps, as_right_hand
from service.preparation import prepare_views
from service.readiness import Readiness
from service.telemetry import RequestRecord


class ViewsPipeline(Steps):
    """Serves the model of several pictures."""

    async def reconstruct(
        self, images: Sequence[bytes], parameters: ViewsParameters, record: RequestRecord
    ) -> HandResult:
        """Return the hand that all pictures show.

        The network wants the target first and the others after it in their ring, which closes over the
        pictures that there are, as in training: so the ring is turned here, where their number is known. The
        model's own target, which this leaves at 0, turns a ring of all N places.

        Raises:
            GatewayError: See `service.errors`; where it is about one picture, it names it.
        """
        deadline = self.deadline()
        boxes, target = parameters.tight_boxes(len(images)), parameters.target_of(len(images))
        prepare = functools.partial(
            prepare_views,
            list(zip(images, boxes, strict=True)),
            contract=self._contract,
            max_pixels=self._capacity.limits.max_pixels,
            deadline=deadline,
        )
        with self.turn(deadline, pictures=len(images)):
            crops = await self._capacity.work(prepare)
            for crop in crops:
                self._count(crop, record)
            ring = [as_right_hand(crop.image, parameters.hand) for crop in crops[target:] + crops[:target]]
            return await self._ask(
                view_inputs(ring, contract=self._contract),
                crops[target].square,
                side=parameters.hand,
                version=parameters.version,
                intrinsics=parameters.intrinsics,
                deadline=deadline,
                record=record,
            )


@dataclass(frozen=True, kw_only=True)
class Views:
    """What serves several pictures of one moment: one of everything."""

    contract: ModelContract
    engine: Engine
    encoders: Encoders
    pipeline: ViewsPipeline
    readiness: Readiness
