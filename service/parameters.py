"""What a caller may say about a picture, or about several of one moment, in the query or in form fields."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.crop import Box
from service.errors import LONGEST_ECHO, BadBoxError, InvalidParameterError, about_image
from service.geometry import Intrinsics

BOX_FORM = "box must be x,y,w,h: four finite numbers in pixels of the upright image, w and h positive"

FourNumbers = tuple[float, float, float, float]
VERSION = re.compile(r"([1-9][0-9]{0,8})?")

FocalLength = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Coordinate = Annotated[float, Field(allow_inf_nan=False)]


class HandParameters(BaseModel):
    """What every request may say; unknown parameters are refused, they are typing errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    hand: Literal["right", "left"] = Field("right", description="Which hand is shown.")
    fx: FocalLength | None = Field(None, description="Focal length in pixels of the upright image, along x.")
    fy: FocalLength | None = Field(None, description="Focal length along y.")
    cx: Coordinate | None = Field(None, description="Principal point, x; the image's corner is 0.")
    cy: Coordinate | None = Field(None, description="Principal point, y.")
    model: str | None = Field(None, description="Name of the model; default: the one that is served.")
    version: str = Field(
        "", pattern=f"^{VERSION.pattern}$", description="Version of the model; default: the newest."
    )

    @model_validator(mode="after")
    def _intrinsics_are_whole(self) -> HandParameters:
        given = [name for name in ("fx", "fy", "cx", "cy") if getattr(self, name) is not None]
        if given and len(given) < 4:
            raise ValueError(f"fx, fy, cx and cy belong together, got only {', '.join(given)}")
        return self

    @property
    def intrinsics(self) -> Intrinsics | None:
        """The camera, if it was given."""
        if self.fx is None or self.fy is None or self.cx is None or self.cy is None:
            return None
        return Intrinsics(self.fx, self.fy, self.cx, self.cy)


class Parameters(HandParameters):
    """The parameters of `POST /v1/reconstruct`."""

    box: str | None = Field(
        None,
        description="The hand's tight box x,y,w,h in pixels of the upright image (EXIF orientation applied). "
        "The crop is the square about its middle with `crop_scale` (1.5) times its longer side. "
        "Default: the whole image is the crop.",
        examples=["120,80,200,240"],
    )

    @property
    def tight_box(self) -> Box | None:
        """The box as numbers; raises `BadBoxError` where it is none."""
        return None if self.box is None else parse_box(self.box)


class ViewsParameters(HandParameters):
    """The parameters of `POST /v1/reconstruct/views`; the intrinsics are those of the target's camera."""

    target: int = Field(
        0, ge=0, description="Number of the image, from 0, in whose camera and pixels the answer is given."
    )
    box: tuple[str, ...] = Field(
        (),
        description="The hand's tight box x,y,w,h in each image, in their order, as in `/v1/reconstruct`; "
        "an empty one makes the whole image the crop. Default: that for all.",
        examples=[["120,80,200,240", "", "90,100,180,180"]],
    )

    def tight_boxes(self, count: int) -> list[Box | None]:
        """Return the box of each of `count` images; None stands for the whole image.

        Raises:
            InvalidParameterError: There are boxes, but not one for each.
            BadBoxError: One is none; says of which image.
        """
        if len(self.box) not in (0, count):
            raise InvalidParameterError(
                f"box: give one for each of the {count} images (an empty one for the whole image) or none, "
                f"got {len(self.box)}",
                parameter="box",
            )
        boxes: list[Box | None] = [None] * count
        for number, text in enumerate(self.box):
            with about_image(number):
                boxes[number] = parse_box(text) if text.strip() else None
        return boxes

    def target_of(self, count: int) -> int:
        """Return the target's number among `count` images.

        Raises:
            InvalidParameterError: There is no such image.
        """
        if self.target >= count:
            raise InvalidParameterError(
                f"target: there are images 0 to {count - 1}, got {self.target}", parameter="target"
            )
        return self.target


AnyParameters = TypeVar("AnyParameters", bound=HandParameters)


def parse_box(text: str) -> Box:
    """Return the box that `x,y,w,h` means.

    Raises:
        BadBoxError: It is not four finite numbers, or has no area.
    """
    try:
        x_px, y_px, width_px, height_px = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadBoxError(f"{BOX_FORM}; got {text[:LONGEST_ECHO]!r}") from error
    return box_of_numbers((x_px, y_px, width_px, height_px))


def box_of_numbers(numbers: FourNumbers) -> Box:
    """Return the box x, y, width, height.

    Raises:
        BadBoxError: It is not finite, or has no area.
    """
    box = Box(*numbers)
    if not all(map(math.isfinite, numbers)) or box.width_px <= 0 or box.height_px <= 0:
        raise BadBoxError(f"{BOX_FORM}; got {box}")
    return box


def intrinsics_of_numbers(numbers: FourNumbers) -> Intrinsics:
    """Return the camera fx, fy, cx, cy.

    Raises:
        InvalidParameterError: It is not finite, or a focal length is not positive.
    """
    intrinsics = Intrinsics(*numbers)
    if not all(map(math.isfinite, numbers)) or intrinsics.fx_px <= 0 or intrinsics.fy_px <= 0:
        raise InvalidParameterError(f"fx, fy, cx, cy must be finite, fx and fy positive; got {numbers}")
    return intrinsics


def check_version(version: str) -> None:
    """Raise `InvalidParameterError` unless `version` is a version's number or empty."""
    if not VERSION.fullmatch(version):
        raise InvalidParameterError(
            f"version must be a positive number or empty; got {version[:LONGEST_ECHO]!r}"
        )


def parse_parameters(query_string: bytes, form_fields: list[tuple[str, str]]) -> Parameters:
    """Return the parameters given in the query and in the form together.

    Raises:
        BadBoxError: The box is none.
        InvalidParameterError: A parameter is unknown, given twice, or has an impossible value.
    """
    return _validated(Parameters, _given_once([*_parsed(query_string), *form_fields]))


def parse_views_parameters(query_string: bytes, form_fields: list[tuple[str, str]]) -> ViewsParameters:
    """Return those of several images: `box` may be given again and again, in the query or in the form.

    Raises:
        InvalidParameterError: As above, or the boxes are partly here and partly there.
    """
    query = _parsed(query_string)
    boxes = [[value for name, value in fields if name == "box"] for fields in (query, form_fields)]
    if all(boxes):
        raise InvalidParameterError("box is given in the query and in the form", parameter="box")
    given = _given_once(field for field in (*query, *form_fields) if field[0] != "box")
    return _validated(ViewsParameters, {**given, "box": [*boxes[0], *boxes[1]]})


def _parsed(query_string: bytes) -> list[tuple[str, str]]:
    return parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)


def _given_once(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in fields:
        if name in given:
            raise InvalidParameterError(f"{name[:LONGEST_ECHO]} is given twice")
        given[name] = value
    return given


def _validated(kind: type[AnyParameters], given: dict[str, Any]) -> AnyParameters:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(map(str, first["loc"]))[:LONGEST_ECHO]
        detail = f"{name}: {first['msg']}" if name else first["msg"]
        raise InvalidParameterError(detail, parameter=name) from error


def openapi_properties(kind: type[HandParameters]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each parameter as text in a query or a form says it: or else it is left out.

    The model's own schema also allows null, which text cannot say.
    """
    properties: dict[str, dict[str, Any]] = kind.model_json_schema()["properties"]
    return {name: _without_null(field) for name, field in properties.items()}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    options: list[dict[str, Any]] = [
        option for option in field.get("anyOf", ()) if option != {"type": "null"}
    ]
    if len(options) != 1:
        return field
    return options[0] | {key: value for key, value in field.items() if key not in ("anyOf", "default")}


def openapi_parameters(kind: type[HandParameters]) -> list[dict[str, Any]]:
    """Return parameters as OpenAPI query parameters."""
    return [
        {"name": name, "in": "query", "description": rest.pop("description", ""), "schema": rest}
        for name, rest in ((name, dict(field)) for name, field in openapi_properties(kind).items())
    ]
