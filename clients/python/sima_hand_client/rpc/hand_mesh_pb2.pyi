from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    RIGHT: _ClassVar[Side]
    LEFT: _ClassVar[Side]

class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRECISION_UNSPECIFIED: _ClassVar[Precision]
    FLOAT32: _ClassVar[Precision]
    FLOAT16: _ClassVar[Precision]

class Smoothing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SMOOTHING_UNSPECIFIED: _ClassVar[Smoothing]
    OFF: _ClassVar[Smoothing]
    LOW: _ClassVar[Smoothing]
    HIGH: _ClassVar[Smoothing]

class JointSet(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOINT_SET_UNSPECIFIED: _ClassVar[JointSet]
    WEBXR: _ClassVar[JointSet]
    OPENXR: _ClassVar[JointSet]

class TrackingState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACKING_STATE_UNSPECIFIED: _ClassVar[TrackingState]
    TRACKING: _ClassVar[TrackingState]
    LOST: _ClassVar[TrackingState]
SIDE_UNSPECIFIED: Side
RIGHT: Side
LEFT: Side
PRECISION_UNSPECIFIED: Precision
FLOAT32: Precision
FLOAT16: Precision
SMOOTHING_UNSPECIFIED: Smoothing
OFF: Smoothing
LOW: Smoothing
HIGH: Smoothing
JOINT_SET_UNSPECIFIED: JointSet
WEBXR: JointSet
OPENXR: JointSet
TRACKING_STATE_UNSPECIFIED: TrackingState
TRACKING: TrackingState
LOST: TrackingState

class Box(_message.Message):
    __slots__ = ("x", "y", "width", "height")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    width: float
    height: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...

class Intrinsics(_message.Message):
    __slots__ = ("fx", "fy", "cx", "cy")
    FX_FIELD_NUMBER: _ClassVar[int]
    FY_FIELD_NUMBER: _ClassVar[int]
    CX_FIELD_NUMBER: _ClassVar[int]
    CY_FIELD_NUMBER: _ClassVar[int]
    fx: float
    fy: float
    cx: float
    cy: float
    def __init__(self, fx: _Optional[float] = ..., fy: _Optional[float] = ..., cx: _Optional[float] = ..., cy: _Optional[float] = ...) -> None: ...

class RawImage(_message.Message):
    __slots__ = ("rgb", "width", "height")
    RGB_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    rgb: bytes
    width: int
    height: int
    def __init__(self, rgb: _Optional[bytes] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("frame_id", "captured_at_us", "encoded", "raw", "box", "hand", "intrinsics")
    FRAME_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    HAND_FIELD_NUMBER: _ClassVar[int]
    INTRINSICS_FIELD_NUMBER: _ClassVar[int]
    frame_id: int
    captured_at_us: int
    encoded: bytes
    raw: RawImage
    box: Box
    hand: Side
    intrinsics: Intrinsics
    def __init__(self, frame_id: _Optional[int] = ..., captured_at_us: _Optional[int] = ..., encoded: _Optional[bytes] = ..., raw: _Optional[_Union[RawImage, _Mapping]] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., hand: _Optional[_Union[Side, str]] = ..., intrinsics: _Optional[_Union[Intrinsics, _Mapping]] = ...) -> None: ...

class Outputs(_message.Message):
    __slots__ = ("precision", "without_vertices", "joint_sets")
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_VERTICES_FIELD_NUMBER: _ClassVar[int]
    JOINT_SETS_FIELD_NUMBER: _ClassVar[int]
    precision: Precision
    without_vertices: bool
    joint_sets: _containers.RepeatedScalarFieldContainer[JointSet]
    def __init__(self, precision: _Optional[_Union[Precision, str]] = ..., without_vertices: _Optional[bool] = ..., joint_sets: _Optional[_Iterable[_Union[JointSet, str]]] = ...) -> None: ...

class ReconstructRequest(_message.Message):
    __slots__ = ("frame", "outputs", "model", "version")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    outputs: Outputs
    model: str
    version: str
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ..., outputs: _Optional[_Union[Outputs, _Mapping]] = ..., model: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class StreamOptions(_message.Message):
    __slots__ = ("outputs", "track", "smoothing", "model", "version")
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    outputs: Outputs
    track: bool
    smoothing: Smoothing
    model: str
    version: str
    def __init__(self, outputs: _Optional[_Union[Outputs, _Mapping]] = ..., track: _Optional[bool] = ..., smoothing: _Optional[_Union[Smoothing, str]] = ..., model: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class StreamRequest(_message.Message):
    __slots__ = ("options", "frame")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    options: StreamOptions
    frame: Frame
    def __init__(self, options: _Optional[_Union[StreamOptions, _Mapping]] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ...) -> None: ...

class NamedJoint(_message.Message):
    __slots__ = ("name", "position_m", "orientation", "radius_m", "synthesised")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_M_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    SYNTHESISED_FIELD_NUMBER: _ClassVar[int]
    name: str
    position_m: _containers.RepeatedScalarFieldContainer[float]
    orientation: _containers.RepeatedScalarFieldContainer[float]
    radius_m: float
    synthesised: bool
    def __init__(self, name: _Optional[str] = ..., position_m: _Optional[_Iterable[float]] = ..., orientation: _Optional[_Iterable[float]] = ..., radius_m: _Optional[float] = ..., synthesised: _Optional[bool] = ...) -> None: ...

class NamedJoints(_message.Message):
    __slots__ = ("joint_set", "joints")
    JOINT_SET_FIELD_NUMBER: _ClassVar[int]
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    joint_set: JointSet
    joints: _containers.RepeatedCompositeFieldContainer[NamedJoint]
    def __init__(self, joint_set: _Optional[_Union[JointSet, str]] = ..., joints: _Optional[_Iterable[_Union[NamedJoint, _Mapping]]] = ...) -> None: ...

class Hand(_message.Message):
    __slots__ = ("model", "version", "hand", "precision", "vertices", "joints", "joints_px", "rotation", "translation", "joint_sets", "timing_ms")
    class TimingMsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HAND_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    JOINTS_PX_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    TRANSLATION_FIELD_NUMBER: _ClassVar[int]
    JOINT_SETS_FIELD_NUMBER: _ClassVar[int]
    TIMING_MS_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    hand: Side
    precision: Precision
    vertices: bytes
    joints: bytes
    joints_px: bytes
    rotation: _containers.RepeatedScalarFieldContainer[float]
    translation: _containers.RepeatedScalarFieldContainer[float]
    joint_sets: _containers.RepeatedCompositeFieldContainer[NamedJoints]
    timing_ms: _containers.ScalarMap[str, float]
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., hand: _Optional[_Union[Side, str]] = ..., precision: _Optional[_Union[Precision, str]] = ..., vertices: _Optional[bytes] = ..., joints: _Optional[bytes] = ..., joints_px: _Optional[bytes] = ..., rotation: _Optional[_Iterable[float]] = ..., translation: _Optional[_Iterable[float]] = ..., joint_sets: _Optional[_Iterable[_Union[NamedJoints, _Mapping]]] = ..., timing_ms: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("slug", "detail")
    SLUG_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    slug: str
    detail: str
    def __init__(self, slug: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class StreamReply(_message.Message):
    __slots__ = ("frame_id", "captured_at_us", "dropped", "age_ms", "tracking", "box", "hand", "problem")
    FRAME_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_US_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    TRACKING_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    HAND_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    frame_id: int
    captured_at_us: int
    dropped: int
    age_ms: float
    tracking: TrackingState
    box: Box
    hand: Hand
    problem: Problem
    def __init__(self, frame_id: _Optional[int] = ..., captured_at_us: _Optional[int] = ..., dropped: _Optional[int] = ..., age_ms: _Optional[float] = ..., tracking: _Optional[_Union[TrackingState, str]] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., hand: _Optional[_Union[Hand, _Mapping]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "versions", "contract_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    versions: _containers.RepeatedScalarFieldContainer[str]
    contract_json: bytes
    def __init__(self, name: _Optional[str] = ..., versions: _Optional[_Iterable[str]] = ..., contract_json: _Optional[bytes] = ...) -> None: ...
