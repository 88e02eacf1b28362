"""Python client of the SiMA-Hand service: a photo of a hand in, a 3D hand mesh out."""

from sima_hand_client.client import HandClient
from sima_hand_client.drawing import draw_overlay, draw_views
from sima_hand_client.errors import (
    DeadlineError,
    HandClientError,
    NoReplyError,
    NotReadyError,
    OverloadedError,
    RefusedError,
    RejectedRequestError,
    ServerFaultError,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.types import Box, Hand, HandResult, Intrinsics, ModelInfo

__all__ = [
    "Box",
    "DeadlineError",
    "Hand",
    "HandClient",
    "HandClientError",
    "HandResult",
    "Intrinsics",
    "ModelInfo",
    "NoReplyError",
    "NotReadyError",
    "OverloadedError",
    "RefusedError",
    "RejectedRequestError",
    "RetryPolicy",
    "ServerFaultError",
    "UnexpectedReplyError",
    "UnreachableError",
    "draw_overlay",
    "draw_views",
]
