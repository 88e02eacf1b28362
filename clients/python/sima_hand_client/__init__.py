"""Python client of the SiMA-Hand service: a photo of a hand in, a 3D hand mesh out."""

from sima_hand_client.async_client import AsyncHandClient
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
    UnauthorizedError,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.streams.blocking import BlockingHandStream
from sima_hand_client.streams.messages import Problem, StreamReply
from sima_hand_client.streams.stream import HandStream
from sima_hand_client.types import Box, Hand, HandResult, Intrinsics, ModelInfo, NamedJoint

__all__ = [
    "AsyncHandClient",
    "BlockingHandStream",
    "Box",
    "DeadlineError",
    "Hand",
    "HandClient",
    "HandClientError",
    "HandResult",
    "HandStream",
    "Intrinsics",
    "ModelInfo",
    "NamedJoint",
    "NoReplyError",
    "NotReadyError",
    "OverloadedError",
    "Problem",
    "RefusedError",
    "RejectedRequestError",
    "RetryPolicy",
    "ServerFaultError",
    "StreamReply",
    "UnauthorizedError",
    "UnexpectedReplyError",
    "UnreachableError",
    "draw_overlay",
    "draw_views",
]
